// The first screen: the chats, newest on top.

import { conversation } from "./conversation.js";
import { devices } from "./devices.js";
import { arrows, avatar, h, icon, iconButton, sync } from "./dom.js";
import { newChat, newGroup, profile } from "./people.js";
import { menu } from "./popup.js";
import { chatName, clock, day, isGroup, personName, summary, TICKS, unread } from "./words.js";

export function chatList(phone) {
  const list = h("ul", { class: "chats", "aria-label": "Chats" });
  arrows(list, "button");
  const hint = h("button", { type: "button", class: "hint", onclick: () => phone.open(devices) },
    icon("laptop"), h("span", {}, h("b", {}, "Use this account on a computer"), h("small", {}, "Linked devices: scan its QR code")));
  const more = iconButton("more", "Menu", () => menu(phone, more, "Menu", [
    ["people", "New group", () => phone.open(newGroup)],
    ["laptop", "Linked devices", () => phone.open(devices)],
    ["person", "Profile", () => phone.open(profile)],
  ]), { "aria-haspopup": "menu", "aria-expanded": "false" });
  const owner = h("small");
  const node = h("div", { class: "chat-list" },
    h("header", { class: "bar home" }, h("h2", {}, "Chats", owner), more),
    hint, list,
    h("button", { type: "button", class: "floating", "aria-label": "New chat", title: "New chat", onclick: () => phone.open(newChat) }, icon("write")));

  const update = () => {
    const { state } = phone;
    owner.textContent = `${state.name} · ${state.number}`;
    hint.hidden = state.devices.length > 0;
    const known = [state.number, ...Object.keys(state.groups), ...Object.keys(state.contacts), ...Object.keys(state.chats)];
    const last = (chat) => state.chats[chat]?.at(-1)?.at ?? 0;
    const chats = [...new Set(known)].sort((one, other) => last(other) - last(one));
    sync(list, chats.map((chat) => ({ key: chat, mark: mark(state, chat), make: () => row(phone, chat) })));
  };
  return { node, update, first: more };
}

function mark(state, chat) {
  const lines = state.chats[chat] ?? [];
  return JSON.stringify([chatName(state, chat), state.typing.includes(chat), unread(lines), lines.at(-1) ?? null]);
}

function row(phone, chat) {
  const { state } = phone;
  const lines = state.chats[chat] ?? [];
  const [name, line, count] = [chatName(state, chat), lines.at(-1), unread(lines)];
  const when = line && (day(line.at) === "Today" ? clock(line.at) : day(line.at));
  const author = line && isGroup(chat) ? `${personName(state, line.sender)}: ` : "";
  const said = state.typing.includes(chat)
    ? h("span", { class: "last typing" }, "typing…")
    : h("span", { class: "last" }, line?.from_me && line.device === 0 ? ticks(line.status) : null, line ? author + summary(state, line) : chat === state.number ? "Notes to yourself" : "");
  return h("li", {}, h("button", { type: "button", class: "chat", onclick: () => phone.open((it) => conversation(it, chat)) },
    avatar(chat === state.number ? state.name : name, isGroup(chat)),
    h("span", { class: "chat-words" },
      h("span", { class: "chat-top" }, h("bdi", { class: "chat-name" }, name), when && h("time", { class: count ? "fresh" : null }, when)),
      h("span", { class: "chat-bottom" }, said,
        count ? h("span", { class: "badge" }, String(count), h("span", { class: "unseen" }, " unread")) : null))));
}

export function ticks(status) {
  const shown = status === "sending" ? "clock" : status === "sent" ? "check" : "checks";
  return h("span", { class: `ticks ${status}`, role: "img", "aria-label": TICKS[status] }, icon(shown));
}
