// What opens above a phone's screen: menus, the emoji table. Escape or a click elsewhere closes it.

import { arrows, h, icon } from "./dom.js";

export const EMOJI = [..."😀😂🥰😍😎🤔😅😭😡👍👎👏🙏💪👋🎉❤️🔥✨✅❌⭐☀️🌧️🌊⚓☕🍕🍰🚲🚗✈️🏠📅📌🛒🥛📞💡🎵".matchAll(/\p{Emoji}\uFE0F?/gu)].map(String);
export const REACTIONS = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

// Put `content` near `anchor` inside `phone`. Returns what closes it.
export function popup(phone, anchor, content) {
  phone.popup?.();
  const screen = phone.screen;
  const outside = (event) => { if (!content.contains(event.target) && event.target !== anchor) close(); };
  const close = (restore = false) => {
    if (phone.popup !== close) return;
    phone.popup = null;
    content.remove();
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
    if (restore) anchor.focus();
  };
  phone.popup = close;
  anchor.setAttribute("aria-expanded", "true");
  screen.append(content);
  place(content, anchor.getBoundingClientRect(), screen.getBoundingClientRect());
  document.addEventListener("pointerdown", outside);
  (content.querySelector("[autofocus]") ?? content.querySelector("button"))?.focus();
  return close;
}

function place(content, at, screen) {
  const { offsetWidth: width, offsetHeight: height } = content;
  const left = at.left + at.width / 2 < screen.left + screen.width / 2 ? at.left : at.right - width;
  const below = at.bottom + height + 8 < screen.bottom;
  content.style.left = `${Math.max(8, Math.min(left - screen.left, screen.width - width - 8))}px`;
  content.style.top = `${Math.max(8, below ? at.bottom - screen.top + 4 : at.top - screen.top - height - 4)}px`;
}

// items: [icon, label, what to do]; `above` is shown on top of them.
export function menu(phone, anchor, label, items, above = null) {
  const list = h("div", { role: "menu", "aria-label": label, class: "menu" },
    items.map(([name, text, act]) =>
      h("button", { type: "button", role: "menuitem", tabindex: "-1", onclick: () => { close(true); act(); } },
        icon(name), h("span", {}, text))));
  const box = h("div", { class: "popup" }, above, list);
  arrows(box, "button");
  const close = popup(phone, anchor, box);
  return close;
}

export function emojiTable(phone, anchor, choices, choose, label = "Emoji") {
  const close = popup(phone, anchor, h("div", { class: "popup" }, emojiGrid(choices, label, (emoji) => { close(true); choose(emoji); })));
}

export function emojiGrid(choices, label, choose, chosen = "") {
  const grid = h("div", { role: "group", "aria-label": label, class: "emoji-grid" },
    choices.map((emoji) =>
      h("button", { type: "button", "aria-label": emoji, "aria-pressed": chosen ? String(emoji === chosen) : null, onclick: () => choose(emoji) }, emoji)));
  arrows(grid, "button");
  return grid;
}
