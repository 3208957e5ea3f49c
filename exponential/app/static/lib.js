// What the pages' scripts share: requests with plain-word failures, live updates, toasts, acts that can be undone.

export const $ = (id) => document.getElementById(id);

export class Failure extends Error {
  constructor(sentence, status, code) {
    super(sentence);
    Object.assign(this, { status, code });
  }
}

/** fetch that resolves to an ok Response and else throws a Failure with the server's own sentence. */
export async function request(method, path, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, body, headers: { Accept: "application/json", ...headers } });
  } catch {
    throw new Failure("Exponential can’t be reached. Check that it is running, then try again.", 0, "offline");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Failure(problem.error ?? `The server answered with HTTP ${answer.status}.`, answer.status, problem.code);
}

/** The live part of the page at `path`, as it is now. */
export async function part(path) {
  return fragment(await (await request("GET", path, undefined, { "X-Part": "live" })).text());
}

export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** Whether a stream is refused because the browser is signed out; an EventSource doesn't say why it can't open. */
async function isSignedOut(path) {
  const stop = new AbortController();
  const answer = await fetch(path, { headers: { Accept: "application/json" }, signal: stop.signal }).catch(() => null);
  stop.abort();
  return answer?.status === 401;
}

/** Call `on` (or on[event]) at once and whenever the server says so; reconnects by itself and rests while hidden.
    A browser that is signed out meanwhile loads the page again, which asks it to sign in. */
export function live(path, on, connected = () => {}) {
  let source = null;
  let timer = 0;
  let wait = 1000;
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const open = () => {
    close();
    source = new EventSource(path);
    source.onopen = () => {
      wait = 1000;
      connected(true);
    };
    source.onerror = async () => {
      connected(false);
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      if (await isSignedOut(path)) return location.reload();
      if (source || document.hidden) return; // open again, or resting
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, 30000);
    };
    for (const [name, act] of Object.entries(typeof on === "function" ? { changed: on } : on))
      source.addEventListener(name, act);
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  syncZone().then(open);
}

let zoned;

/** Tell the server the browser's time zone, once a page: "tomorrow" means the user's tomorrow. */
export function syncZone() {
  const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = document.body.dataset.timezone;
  const body = new Blob([JSON.stringify({ timezone })], { type: "application/json" });
  const same = !timezone || !known || timezone === known;
  return (zoned ??= same ? Promise.resolve() : request("POST", "/api/timezone", body).catch(() => {}));
}

/** One run at a time; a call during a run makes one more run after it. */
export function once(work) {
  let running = null;
  let again = false;
  return async function run() {
    again = Boolean(running);
    running ??= (async () => {
      do {
        again = false;
        await work();
      } while (again);
    })().finally(() => (running = null));
    return running;
  };
}

/** A sentence at the foot of the page, gone after a while; `action` adds a button: {label, run}. */
export function toast(sentence, action) {
  const place = $("toasts");
  const item = document.createElement("div");
  item.className = "toast";
  item.append(document.createElement("p"));
  item.firstChild.textContent = sentence;
  let timer = 0;
  const wait = () => (timer = setTimeout(() => item.remove(), action ? 8000 : 5000));
  if (action) {
    const button = document.createElement("button");
    button.textContent = action.label;
    button.onclick = () => {
      item.remove();
      action.run();
    };
    item.append(button);
  }
  item.onpointerenter = () => clearTimeout(timer);
  item.onpointerleave = wait;
  place.replaceChildren(item);
  place.popover = "manual"; // above an open dialog
  place.hidePopover();
  place.showPopover();
  wait();
}

/** Do an act; its sentence goes into a toast that can undo it, a refusal into `line`, else into a toast, too. */
export async function perform(path, body, line) {
  const complain = (sentence) => {
    line.textContent = sentence;
    line.hidden = !sentence;
  };
  try {
    const { said, act } = await (await request("POST", path, body)).json();
    const run = () => perform("/undo", new URLSearchParams({ act }));
    if (line) complain("");
    if (said) toast(`${said}.`, act && { label: "Undo", run });
  } catch (failure) {
    (line ? complain : toast)(failure.message);
    return false;
  }
  document.dispatchEvent(new Event("acted"));
  return true;
}
