// How things are said: names, times, WhatsApp's own marks, one line about a message.

import { h } from "./dom.js";

export const MYSELF = "Message yourself";
const MARKS = { "*": "b", _: "i", "~": "s", "`": "code" };
const KINDS = { image: "Photo", video: "Video", voice: "Voice note", audio: "Audio", document: "Document", sticker: "Sticker", location: "Location", contact: "Contact" };
const MARKED = /(?<!\w)([*_~`])(?=\S)([^\n]*?\S)\1(?!\w)/g;
const ICONS = { image: "📷", video: "🎥", voice: "🎤", audio: "🎵", document: "📄", sticker: "🏷️", location: "📍", contact: "👤" };
export const TICKS = { sending: "Sending", sent: "Sent", delivered: "Delivered", read: "Read", played: "Played" };

// How many of a chat's lines have not been read on this phone.
export const unread = (lines) => lines.filter((line) => !line.from_me && !["read", "played"].includes(line.status)).length;

export const isGroup = (chat) => chat.endsWith("@g.us");

export function chatName(state, chat) {
  if (chat === state.number) return MYSELF;
  return state.groups[chat]?.subject || state.contacts[chat] || chat;
}

export const personName = (state, number) => (number === state.number ? "You" : state.contacts[number] || number);

export const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export function day(at) {
  const date = new Date(at * 1000);
  const midnight = new Date().setHours(0, 0, 0, 0);
  const days = Math.round((midnight - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days < 2) return days < 1 ? "Today" : "Yesterday";
  return date.toLocaleDateString([], { weekday: days < 7 ? "long" : undefined, day: "numeric", month: "long" });
}

const withMentions = (state, text) =>
  text.replace(/@(\d{6,20})/g, (all, lid) => (state.people[lid] ? `@${personName(state, state.people[lid])}` : all));

// What a message says, in one line of plain words.
export function summary(state, line) {
  if (line.revoked) return "This message was deleted";
  const words = withMentions(state, line.text.slice(0, 300)).replace(MARKED, "$2").replace(/\s+/g, " ");
  if (line.kind === "text") return words;
  const called = words || line.media?.name || KINDS[line.kind] || "Message";
  return `${ICONS[line.kind] ?? ""} ${called}`;
}

export const kindName = (line) => KINDS[line.kind] ?? "Message";

// Text with *bold*, _italic_, ~struck~ and `code` (each around words, on one line) and @mentions.
export function formatted(state, text) {
  const made = document.createDocumentFragment();
  let at = 0;
  for (const match of text.matchAll(/(?<!\w)([*_~`])(?=\S)([^\n]*?\S)\1(?!\w)|@(\d{6,20})/g)) {
    const [all, mark, inner, lid] = match;
    if (lid && !state.people[lid]) continue;
    made.append(text.slice(at, match.index));
    made.append(lid ? h("span", { class: "mention" }, `@${personName(state, state.people[lid])}`) : h(MARKS[mark], {}, inner));
    at = match.index + all.length;
  }
  made.append(text.slice(at));
  return made;
}

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export const length = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.round(seconds) % 60).padStart(2, "0")}`;
