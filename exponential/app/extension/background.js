// Takes the question for a passkey from the page on which the person clicked this extension, has it confirmed on
// web.whatsapp.com, the only site that may ask for a WhatsApp passkey, and brings the answer back to that page.
// It keeps nothing: what it needs later travels with its messages, as it may be stopped while the person looks for the
// phone. It can read a page only after a click on it.

const WHATSAPP = "https://web.whatsapp.com/";

/** In the clicked page: the question, as the WhatsApp Connection window shows it. */
function question() {
  return document.querySelector("[data-passkey]")?.dataset.passkey ?? null;
}

/** In the clicked page: nothing is asked here. */
function nothing() {
  alert("This page doesn’t ask for a passkey now.\n\nOpen WhatsApp Connection in Exponential, scan the code, and click here when it asks for your passkey.");
}

/** In the clicked page: hand the answer in, if it still asks the same. */
function hand(asked, answer) {
  const field = document.querySelector("textarea[name=answer]");
  if (field && document.querySelector("[data-passkey]")?.dataset.passkey === asked) {
    field.value = answer;
    field.form.requestSubmit();
  } else alert("This page asks something else by now, so the answer was thrown away.\n\nOpen WhatsApp Connection again and click the extension once more.");
}

/** On web.whatsapp.com: ask the person, then the passkey. Who asked is named, for the answer links their computer. */
function sign(asked, site, tab) {
  const make = (name, text, style) => Object.assign(document.createElement(name), { textContent: text, style });
  const box = make("dialog", "", "max-width: 26rem; padding: 1.5rem; border: 0; border-radius: 1rem; font: 16px/1.5 system-ui; color: #111; background: #fff");
  const ways = make("p", "", "display: flex; gap: .75rem; margin: 1.25rem 0 0");
  const button = "padding: .6rem 1.1rem; border: 0; border-radius: .6rem; font: 600 16px system-ui; cursor: pointer;";
  const go = make("button", "Use passkey", `${button} color: #fff; background: #0b6b4f`);
  const stop = make("button", "Cancel", `${button} color: #111; background: #e8e8e8`);
  ways.append(go, stop);
  box.append(
    make("h2", "Link this computer to your WhatsApp?", "margin: 0 0 .5rem; font: 650 20px/1.3 system-ui"),
    make("p", site, "margin: 0; font-weight: 650; overflow-wrap: anywhere"),
    make("p", "This site asks for your passkey. Whoever has the answer is linked to your WhatsApp account: go on only if you are connecting WhatsApp there yourself, right now.", "margin: .25rem 0 0"),
    ways,
  );
  document.documentElement.append(box);
  box.showModal();
  const said = `passkey-${crypto.randomUUID()}`; // the name of the event that brings the answer
  const answer = (text) => {
    if (!box.isConnected) return;
    box.remove();
    chrome.runtime.sendMessage({ asked, tab, answer: text });
  };
  const cancel = () => answer(JSON.stringify({ error: "Cancelled" }));
  stop.addEventListener("click", cancel);
  box.addEventListener("cancel", cancel);
  go.addEventListener("click", () => chrome.runtime.sendMessage({ asked, said }));
  document.addEventListener(said, (event) => answer(event.detail));
}

/** On web.whatsapp.com, as a script of that page: there password managers stand in for the browser. Only what WhatsApp
    is told goes back, nothing else that an authenticator may give away. */
async function get(asked, said) {
  const began = performance.now();
  const options = JSON.parse(asked);
  let answer;
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const { id, rawId, type, response } = (await navigator.credentials.get({ publicKey })).toJSON();
    answer = { id, rawId, type, response };
  } catch (failure) {
    const late = failure.name === "NotAllowedError" && performance.now() - began >= options.timeout;
    answer = { error: late ? "TimeoutError" : failure.name };
  }
  document.dispatchEvent(new CustomEvent(said, { detail: JSON.stringify(answer) }));
}

/** Resolves when the tab has loaded. */
function loaded(tab) {
  return new Promise((done) => {
    const listen = (id, { status }) => {
      if (id !== tab || status !== "complete") return;
      chrome.tabs.onUpdated.removeListener(listen);
      done();
    };
    chrome.tabs.onUpdated.addListener(listen);
  });
}

/** The question of the clicked page. The right to see it may come a moment later than the click that gives it. */
async function questionOf(tab, tries = 5) {
  try {
    return await run(tab, question);
  } catch (failure) {
    if (tries === 1) throw failure;
    await new Promise((done) => setTimeout(done, 200));
    return questionOf(tab, tries - 1);
  }
}

async function run(tab, func, args = [], world = "ISOLATED") {
  const [{ result }] = await chrome.scripting.executeScript({ target: { tabId: tab }, func, args, world });
  return result;
}

chrome.action.onClicked.addListener(async (tab) => {
  chrome.action.setBadgeText({ tabId: tab.id, text: "" });
  try {
    const asked = await questionOf(tab.id);
    if (asked === null) return await run(tab.id, nothing);
    const opened = await chrome.tabs.create({ url: WHATSAPP, index: tab.index + 1, openerTabId: tab.id });
    await loaded(opened.id);
    await run(opened.id, sign, [asked, new URL(tab.url).origin, tab.id]);
  } catch {
    // A page that no extension may see, such as the browser's own.
    chrome.action.setBadgeText({ tabId: tab.id, text: "!" });
  }
});

// Only our own function on web.whatsapp.com sends messages. That the answer reaches no other site than the clicked one
// is the browser's doing: a tab that has gone elsewhere is not ours any more.
chrome.runtime.onMessage.addListener(async ({ asked, tab, answer, said }, sender) => {
  if (sender.id !== chrome.runtime.id || sender.origin !== new URL(WHATSAPP).origin) return;
  if (said) return run(sender.tab.id, get, [asked, said], "MAIN");
  try {
    await chrome.tabs.update(tab, { active: true });
    await run(tab, hand, [asked, answer]);
  } finally {
    await chrome.tabs.remove(sender.tab.id);
  }
});
