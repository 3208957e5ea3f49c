// A chat: who it is with, its lines, the composer.

import { bubble, dayLine, isMine } from "./bubble.js";
import { composer } from "./composer.js";
import { arrows, avatar, h, sync } from "./dom.js";
import { bar } from "./frame.js";
import { chatInfo } from "./people.js";
import { emojiGrid, emojiTable, EMOJI, menu, REACTIONS } from "./popup.js";
import { chatName, day, isGroup, personName, unread } from "./words.js";

export function conversation(phone, chat) {
  const title = h("bdi");
  const under = h("small");
  const head = h("button", { type: "button", class: "head", onclick: () => phone.open((it) => chatInfo(it, chat)) });
  const lines = h("ol", { class: "lines", "aria-label": "Messages" });
  const scroll = h("div", { class: "scroll" }, lines);
  const pending = [];
  const writing = composer(phone, chat, pending);
  const header = bar(phone, "", head);
  header.querySelector("h2").replaceWith(h("h2", { class: "unseen" }, title.cloneNode()));
  const node = h("div", { class: "conversation", "data-chat": chat }, header, scroll, writing.node);
  arrows(lines, ".line-menu");
  let [shown, bottom] = [0, true];
  scroll.addEventListener("scroll", () => { bottom = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60; });
  const toBottom = () => { if (bottom) scroll.scrollTop = scroll.scrollHeight; };
  phone.grown = toBottom;

  const update = () => {
    const { state } = phone;
    const all = withPending(state.chats[chat] ?? [], pending);
    title.textContent = chatName(state, chat);
    node.querySelector("h2").textContent = chatName(state, chat);
    under.textContent = subtitle(state, chat);
    under.classList.toggle("typing", state.typing.includes(chat));
    sync(head, [{ key: "avatar", mark: chatName(state, chat), make: () => avatar(chat === state.number ? state.name : chatName(state, chat), isGroup(chat)) },
      { key: "names", mark: "", make: () => h("span", {}, title, under) }]);
    head.setAttribute("aria-label", `${title.textContent}, ${under.textContent || "chat"}. Show details`);
    sync(lines, rows(phone, all, (line, anchor) => lineMenu(phone, line, anchor, writing)));
    [...lines.querySelectorAll(".line-menu")].forEach((button, index, buttons) => { button.tabIndex = index === buttons.length - 1 ? 0 : -1; });
    writing.update();
    const mine = pending.length || (all.length > shown && all.length && isMine(state, all.at(-1)));
    if (mine) bottom = true;
    shown = all.length;
    toBottom();
    if (unread(all) && document.visibilityState === "visible" && node.offsetParent) phone.attempt(phone.api.read(chat));
  };
  return { node, update, first: writing.first, leave: writing.leave };
}

// What is on its way stands in for the line that it becomes, until the phone knows that line's id.
function withPending(lines, pending) {
  const unnamed = (line) => line.from_me && line.device === 0 && pending.some(({ known }) => !known.has(line.id));
  return [...lines.filter((line) => !unnamed(line)), ...pending.map(({ line }) => line)];
}

function subtitle(state, chat) {
  if (chat === state.number) return "Notes to yourself";
  if (state.typing.includes(chat)) return "typing…";
  const group = state.groups[chat];
  if (group) return group.members.map((number) => personName(state, number)).join(", ");
  return isGroup(chat) ? "" : chat;
}

function rows(phone, all, openMenu) {
  const { state } = phone;
  const byId = new Map(all.map((line) => [line.id, line]));
  const found = [];
  let before = null;
  for (const line of all) {
    if (!before || day(before.at) !== day(line.at)) {
      found.push({ key: `day-${day(line.at)}`, mark: "", make: () => dayLine(line.at) });
      before = null;
    }
    const first = !before || before.sender !== line.sender || before.device !== line.device;
    const quoted = byId.get(line.quoted_id);
    const names = [personName(state, line.sender), Object.keys(line.reactions).map((number) => personName(state, number)), quoted?.text];
    found.push({ key: line.id, mark: JSON.stringify([line, first, names]), make: () => bubble(phone, line, quoted, first, openMenu) });
    before = line;
  }
  return found;
}

function lineMenu(phone, line, anchor, writing) {
  const { api, state } = phone;
  const mine = line.from_me;
  const given = line.reactions[state.number] ?? "";
  const react = (emoji) => phone.attempt(api.react(line, emoji));
  const items = [
    ["reply", "Reply", () => writing.reply(line)],
    ["smile", "Other reaction", () => emojiTable(phone, anchor, EMOJI, react, "Reaction")],
    mine && line.kind === "text" && ["write", "Edit", () => writing.edit(line)],
    mine && ["close", "Delete for everyone", () => phone.attempt(api.revoke(line))],
  ].filter(Boolean);
  const quick = emojiGrid(REACTIONS, "React", (emoji) => { close(true); react(emoji === given ? "" : emoji); }, given || "none");
  quick.classList.add("quick");
  const close = menu(phone, anchor, "Message menu", items, quick);
}
