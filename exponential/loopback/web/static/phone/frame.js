// One simulated phone: its frame, its live state, and the screens on top of each other.

import { Api } from "./api.js";
import { chatList } from "./chats.js";
import { h, icon } from "./dom.js";
import { chatName, personName, summary } from "./words.js";

export class Phone {
  constructor(number, name, codes) {
    this.number = number;
    this.api = new Api(number);
    this.codes = codes;
    this.state = null;
    this.popup = null;
    this.stack = [];
    this.time = h("span");
    this.network = h("span", { class: "network" });
    this.live = h("div", { role: "status", class: "unseen" });
    this.toast = h("div", { role: "alert", class: "toast" });
    this.screen = h("div", { class: "screen" },
      h("div", { class: "status-bar", "aria-hidden": "true" }, this.time, this.network), this.live, this.toast);
    this.node = h("section", { class: "phone", "data-number": number, onkeydown: (event) => this.key(event) }, this.screen);
    this.rename(name);
  }

  start() {
    this.events = new EventSource(`${this.api.base}/events`);
    this.events.onmessage = (event) => this.take(JSON.parse(event.data));
    document.addEventListener("visibilitychange", () => this.update());
    this.tick();
    setInterval(() => this.tick(), 10_000);
  }

  rename(name) {
    if (this.name === name) return;
    this.name = name;
    this.node.setAttribute("aria-label", `${name}’s phone`);
    this.onrename?.();
  }

  tick() {
    this.time.textContent = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  }

  take(state) {
    const before = this.state;
    this.state = state;
    this.rename(state.name);
    this.network.replaceChildren(state.online ? h("span", { class: "bars" }) : icon("offline"));
    if (!before) this.open(chatList, false);
    else this.announce(before, state);
    this.update();
  }

  // Tell screen readers what has come in.
  announce(before, state) {
    for (const [chat, lines] of Object.entries(state.chats)) {
      const known = new Set((before.chats[chat] ?? []).map((line) => line.id));
      const line = lines.at(-1);
      if (!line || known.has(line.id) || (line.from_me && line.device === 0)) continue;
      const where = chat === line.sender || line.from_me ? "" : ` in ${chatName(state, chat)}`;
      const who = line.from_me ? state.devices.find((device) => device.id === line.device)?.name ?? "You" : personName(state, line.sender);
      this.live.textContent = `${who}${where}: ${summary(state, line).slice(0, 200)}`;
    }
  }

  update() {
    if (this.state) this.stack.at(-1)?.update();
  }

  // Show what `make(phone)` makes above the screen of now; `back` returns to it.
  open(make, focus = true) {
    this.popup?.();
    const below = this.stack.at(-1);
    if (below) {
      below.focused = document.activeElement;
      below.node.hidden = true;
    }
    const screen = make(this);
    screen.node.classList.add("view");
    this.stack.push(screen);
    this.screen.append(screen.node);
    this.hush();
    this.update();
    if (focus) (screen.first ?? screen.node.querySelector("[autofocus], input, button")).focus({ preventScroll: true });
    return screen;
  }

  back() {
    if (this.stack.length < 2) return;
    this.popup?.();
    const gone = this.stack.pop();
    gone.leave?.();
    gone.node.remove();
    const screen = this.stack.at(-1);
    screen.node.hidden = false;
    const again = this.screen.contains(screen.focused) ? screen.focused : screen.node.querySelector("button");
    again.focus({ preventScroll: true });
    this.update(); // what is made anew keeps the focus
  }

  // Back to the chats, and from there to `make(phone)`.
  home(make) {
    while (this.stack.length > 1) this.back();
    if (make) this.open(make);
  }

  // Do what may be refused; the refusal is shown.
  async attempt(promise) {
    try {
      return await promise;
    } catch (error) {
      this.say(error.message);
      return undefined;
    }
  }

  say(text) {
    this.toast.textContent = text;
    clearTimeout(this.hushing);
    this.hushing = setTimeout(() => this.hush(), 8000);
  }

  hush() {
    this.toast.textContent = "";
  }

  key(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    if (this.popup) this.popup(true);
    else this.back();
  }
}

// A screen's bar: back, a title, what stands at its end.
export function bar(phone, title, ...end) {
  const back = h("button", { type: "button", class: "icon-button", "aria-label": "Back", title: "Back", onclick: () => phone.back() }, icon("back"));
  return h("header", { class: "bar" }, back, h("h2", {}, title), ...end);
}
