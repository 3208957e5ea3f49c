// What the pages' scripts share: requests with plain-word failures, live updates, the browser's time zone.

export class Failure extends Error {
  constructor(sentence, status, code) {
    super(sentence);
    this.status = status;
    this.code = code;
  }
}

/** fetch that resolves to an ok Response and else throws a Failure with the server's own sentence. */
export async function request(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, { method, body, headers: { Accept: "application/json" } });
  } catch {
    throw new Failure("Exponential can’t be reached. Check that it is running, then try again.", 0, "offline");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Failure(problem.error ?? `The server answered with HTTP ${answer.status}.`, answer.status, problem.code);
}

/** Call `changed` at once and whenever the server says so; reconnects by itself and rests while the page is hidden. */
export function live(path, changed, connected = () => {}) {
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
    source.onerror = () => {
      connected(false);
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, 30000);
    };
    source.addEventListener("changed", changed);
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

/** Tell the server the browser's time zone when it has another one: "tomorrow" means the user's tomorrow. */
export async function syncZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || zone === document.body.dataset.timezone) return;
  const body = new Blob([JSON.stringify({ timezone: zone })], { type: "application/json" });
  await request("POST", "/api/timezone", body).catch(() => {});
}

export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** One run at a time; a call during a run makes one more run after it. */
export function once(work) {
  let running = null;
  let again = false;
  return async function run() {
    if (running) {
      again = true;
      return running;
    }
    running = (async () => {
      do {
        again = false;
        await work();
      } while (again);
    })().finally(() => (running = null));
    return running;
  };
}
