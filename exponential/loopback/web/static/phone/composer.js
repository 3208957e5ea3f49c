// Where a person types: text with emoji and mentions, replies, edits, and files.

import { attachments } from "./attach.js";
import { quote } from "./bubble.js";
import { h, iconButton } from "./dom.js";
import { emojiTable, EMOJI } from "./popup.js";
import { isGroup, personName } from "./words.js";

const TYPING_ENDS = 3000; // milliseconds after the last key
let made = 0;

export function composer(phone, chat, pending) {
  const { api } = phone;
  let [quoted, editing, stopping, told] = [null, null, 0, Promise.resolve()];
  const text = h("textarea", { rows: "1", "aria-label": "Message", placeholder: "Message", autocomplete: "off", maxlength: "65536", autofocus: true });
  const above = h("div", { class: "above", hidden: true });
  const people = h("div", { class: "suggestions", role: "group", "aria-label": "Mention", hidden: true });
  const gone = h("p", { class: "outside", hidden: true }, "You can’t write to this group because you’re no longer a member.");
  const emoji = iconButton("smile", "Emoji", () => emojiTable(phone, emoji, EMOJI, insert), { "aria-expanded": "false" });
  const attach = iconButton("clip", "Attach", () => attachments(phone, chat, attach), { "aria-haspopup": "menu", "aria-expanded": "false" });
  const form = h("form", { class: "composer", onsubmit: submit }, emoji, attach, text,
    h("button", { class: "send icon-button", "aria-label": "Send", title: "Send" }, iconButton("send", "").firstChild));
  const node = h("div", { class: "writing" }, gone, people, above, form);

  text.addEventListener("input", () => { grow(); suggest(); typing(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    } else if (event.key === "Escape" && (quoted || editing)) {
      event.preventDefault();
      context(null, null);
    } else if (event.key === "ArrowUp" && !people.hidden) {
      event.preventDefault();
      people.querySelector("button").focus();
    }
  });

  function grow() {
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 120)}px`;
  }

  function insert(emoji) {
    text.setRangeText(emoji, text.selectionStart, text.selectionEnd, "end");
    text.focus();
    grow();
  }

  // One after the other: of two requests on their way, the later one may arrive first.
  function tell(on) {
    told = told.then(() => api.typing(chat, on)).catch(() => {});
  }

  function typing(on = true) {
    if (isGroup(chat)) return;
    if (on && !stopping) tell(true);
    if (!on && stopping) tell(false);
    clearTimeout(stopping);
    stopping = on ? setTimeout(() => typing(false), TYPING_ENDS) : 0;
  }

  const members = () => (phone.state.groups[chat]?.members ?? []).filter((number) => number !== phone.number);

  function suggest() {
    const begun = /@(\S*)$/.exec(text.value.slice(0, text.selectionStart));
    const found = begun ? members().filter((number) => personName(phone.state, number).toLowerCase().startsWith(begun[1].toLowerCase())) : [];
    people.hidden = !found.length;
    people.replaceChildren(...found.slice(0, 5).map((number) => h("button", { type: "button", onclick: () => {
      text.setRangeText(`@${personName(phone.state, number)} `, begun.index, text.selectionStart, "end");
      people.hidden = true;
      text.focus();
    } }, `@${personName(phone.state, number)}`)));
  }

  // What is quoted or edited stands above the text.
  function context(toQuote, toEdit) {
    [quoted, editing] = [toQuote, toEdit];
    above.hidden = !quoted && !editing;
    if (editing) text.value = editing.text;
    const cancel = iconButton("close", quoted ? "Cancel reply" : "Cancel edit", () => { if (editing) text.value = ""; context(null, null); });
    above.replaceChildren(...(above.hidden ? [] : [quoted ? quote(phone, quoted) : h("span", { class: "editing" }, "Edit message"), cancel]));
    text.focus();
    grow();
  }

  function submit(event) {
    event.preventDefault();
    const words = text.value.trim();
    if (!words) return;
    const [toEdit, toQuote] = [editing, quoted];
    text.value = "";
    context(null, null);
    typing(false);
    people.hidden = true;
    if (toEdit) phone.attempt(api.edit(toEdit, words));
    else deliver(words, toQuote);
  }

  async function deliver(words, toQuote) {
    const mentions = members().filter((number) => words.includes(`@${personName(phone.state, number)}`));
    const bare = mentions.reduce((left, number) => left.replaceAll(`@${personName(phone.state, number)}`, "").trim(), words);
    const line = { id: `pending-${++made}`, chat, sender: phone.number, text: words, from_me: true, device: 0, at: Date.now() / 1000, status: "sending", kind: "text", quoted_id: toQuote?.id ?? "", reactions: {}, expires_in: 0 };
    const sending = { line, known: new Set((phone.state.chats[chat] ?? []).map(({ id }) => id)) };
    pending.push(sending);
    phone.update();
    const sent = await phone.attempt(api.send(chat, mentions.length && bare ? bare : words, toQuote?.id ?? "", mentions.length && bare && !toQuote ? mentions : []));
    pending.splice(pending.indexOf(sending), 1);
    for (const { known } of pending) if (sent) known.add(sent.id);
    if (!sent && !text.value) text.value = words;
    phone.update();
  }

  const update = () => {
    const outside = isGroup(chat) && !phone.state.groups[chat]?.members.includes(phone.number);
    gone.hidden = !outside;
    form.hidden = outside;
  };
  return { node, update, first: text, leave: () => typing(false), reply: (line) => context(line, null), edit: (line) => context(null, line) };
}
