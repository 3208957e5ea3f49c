// One line of a chat.

import { ticks } from "./chats.js";
import { avatar, h, icon } from "./dom.js";
import { sound } from "./sound.js";
import { clock, day, formatted, isGroup, kindName, MYSELF, personName, size, summary } from "./words.js";

// In "Message yourself" what a linked device wrote stands on the other side, so that an answer looks like one.
export const isMine = (state, line) => line.from_me && (line.chat !== state.number || line.device === 0);

export function dayLine(at) {
  return h("li", { class: "day" }, h("span", {}, day(at)));
}

// `first`: the line before is somebody else's.
export function bubble(phone, line, quoted, first, openMenu) {
  const { state } = phone;
  const mine = isMine(state, line);
  const author = authorOf(state, line, mine);
  const more = h("button", { type: "button", class: "line-menu", tabindex: "-1", "aria-haspopup": "menu", "aria-expanded": "false" }, icon("down"));
  more.setAttribute("aria-label", `${author ?? personName(state, line.sender)}: ${summary(state, line)}. Message menu`);
  more.addEventListener("click", () => openMenu(line, more));
  const box = h("div", { class: `bubble ${line.revoked ? "revoked" : line.kind}` },
    author && first && h("bdi", { class: `author tint-${[...line.sender].reduce((sum, digit) => sum + digit.codePointAt(0), 0) % 8}` }, author),
    quoted && quote(phone, quoted),
    line.revoked ? h("span", { class: "words" }, "This message was deleted") : content(phone, line),
    h("span", { class: "meta" },
      line.expires_in > 0 && h("span", { class: "vanishing", title: "Disappears", role: "img", "aria-label": "Disappearing message" }, icon("clock")),
      line.edited && h("span", {}, "edited"),
      h("time", { datetime: new Date(line.at * 1000).toISOString() }, clock(line.at)),
      mine && !line.revoked && ticks(line.status)),
    !line.revoked && line.status !== "sending" && more,
    reactions(state, line));
  box.addEventListener("contextmenu", (event) => { if (more.isConnected) { event.preventDefault(); openMenu(line, more); } });
  return h("li", { class: `line ${mine ? "mine" : "theirs"}${first ? " first" : ""}`, "data-id": line.id }, box);
}

function authorOf(state, line, mine) {
  if (line.from_me && !mine) return state.devices.find((device) => device.id === line.device)?.name ?? "Linked device";
  return !mine && isGroup(line.chat) ? personName(state, line.sender) : null;
}

export function quote(phone, line) {
  const who = personName(phone.state, line.sender);
  return h("blockquote", { class: "quote" }, h("bdi", { class: "author" }, who), h("span", {}, summary(phone.state, line).slice(0, 160)));
}

function reactions(state, line) {
  const all = Object.entries(line.reactions);
  if (!all.length) return null;
  const label = all.map(([number, emoji]) => `${personName(state, number)} reacted with ${emoji}`).join(", ");
  const shown = [...new Set(all.map(([, emoji]) => emoji))].join("");
  return h("span", { class: "reactions", role: "img", "aria-label": label, title: label }, shown, all.length > 1 ? h("small", {}, String(all.length)) : null);
}

function content(phone, line) {
  const words = () => line.text && h("span", { class: "words", dir: "auto" }, formatted(phone.state, line.text));
  const make = { image: picture, sticker: picture, video: film, voice: note, audio: note, document: file, location: place, contact: card }[line.kind];
  const named = ["location", "contact"].includes(line.kind);
  return make ? [make(phone, line), !named && words()] : words();
}

function picture(phone, line) {
  const image = h("img", { src: phone.api.file(line), alt: line.text || kindName(line), class: "media", loading: "lazy", draggable: "false" });
  image.addEventListener("error", () => image.replaceWith(file(phone, line)));
  image.addEventListener("load", () => phone.grown?.());
  return image;
}

function film(phone, line) {
  const label = line.text || "Video";
  return h("video", { src: phone.api.file(line), controls: true, preload: "metadata", class: "media", "aria-label": label, onplay: heard(phone, line) });
}

const heard = (phone, line) => () => {
  if (!line.from_me && line.status !== "played") phone.attempt(phone.api.played(line));
};

const note = (phone, line) => sound(phone.api.file(line), kindName(line).toLowerCase(), line.media.seconds, heard(phone, line));

function file(phone, line) {
  const name = line.media.name || kindName(line);
  const kind = (name.includes(".") ? name.split(".").at(-1) : line.media.mime.split("/").at(-1)).slice(0, 8).toUpperCase();
  return h("a", { class: "file", href: phone.api.file(line), download: name },
    h("span", { class: "file-icon" }, icon("file")),
    h("span", {}, h("bdi", {}, name), h("small", {}, `${kind} · ${size(line.media.size)}`)));
}

function place(phone, line) {
  const { latitude, longitude } = line.details;
  return h("span", { class: "place" },
    h("span", { class: "map", "aria-hidden": "true" }, icon("pin")),
    h("b", { dir: "auto" }, line.text || "Location"), h("small", {}, `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`));
}

function card(phone, line) {
  const number = /^TEL[^:]*:(.*)$/m.exec(line.details.vcard ?? "")?.[1] ?? "";
  return h("span", { class: "card" }, avatar(line.text || MYSELF), h("span", {}, h("b", { dir: "auto" }, line.text), h("small", {}, number.slice(0, 40))));
}
