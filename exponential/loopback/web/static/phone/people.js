// Who there is: new chat, new group, a chat's details, one's own profile.

import { conversation } from "./conversation.js";
import { arrows, avatar, h, icon, sync } from "./dom.js";
import { bar } from "./frame.js";
import { chatName, isGroup, personName } from "./words.js";

const TIMERS = [[0, "Off"], [86_400, "24 hours"], [604_800, "7 days"], [7_776_000, "90 days"]]; // seconds

const others = (state) => Object.keys(state.contacts).filter((number) => number !== state.number);

function row(state, number, end = null) {
  return [avatar(personName(state, number)), h("span", {}, h("bdi", {}, personName(state, number)), h("small", {}, number)), end];
}

export function newChat(phone) {
  const list = h("ul", { class: "people", "aria-label": "Contacts" });
  arrows(list, "button");
  const group = h("button", { type: "button", class: "entry", onclick: () => phone.open(newGroup) }, h("span", { class: "avatar tint-green" }, icon("people")), "New group");
  const update = () => sync(list, [phone.number, ...others(phone.state)].map((number) => ({
    key: number,
    mark: chatName(phone.state, number),
    make: () => h("li", {}, h("button", { type: "button", onclick: () => phone.home((it) => conversation(it, number)) },
      number === phone.number ? [avatar(phone.state.name), h("span", {}, "Message yourself", h("small", {}, number))] : row(phone.state, number))),
  })));
  return { node: h("div", {}, bar(phone, "New chat"), group, list), update, first: group };
}

export function newGroup(phone) {
  const subject = h("input", { name: "subject", required: true, maxlength: "100", autocomplete: "off" });
  const members = h("fieldset", { class: "people" }, h("legend", {}, "Members"), others(phone.state).map((number) =>
    h("label", {}, row(phone.state, number), h("input", { type: "checkbox", name: "member", value: number, "aria-label": personName(phone.state, number) }))));
  const form = h("form", { class: "page" }, h("label", {}, "Name of the group", subject), members, h("button", { class: "green" }, "Create group"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = { subject: subject.value.trim(), members: new FormData(form).getAll("member") };
    const made = await phone.attempt(phone.api.call("POST", "/groups", body));
    if (made) phone.home((it) => conversation(it, made.id));
  });
  return { node: h("div", {}, bar(phone, "New group"), form), update() {}, first: subject };
}

export function chatInfo(phone, chat) {
  const top = h("div", { class: "info-top" });
  const members = h("ul", { class: "people", "aria-label": "Members" });
  const more = h("div", { class: "page" });
  const update = () => {
    const { state } = phone;
    const group = state.groups[chat];
    const name = chatName(state, chat);
    sync(top, [{ key: "top", mark: name, make: () => h("div", {}, avatar(chat === state.number ? state.name : name, isGroup(chat)), h("h3", {}, h("bdi", {}, name)), h("small", {}, group ? `Group · ${group.members.length} members` : isGroup(chat) ? "You left" : chat)) }]);
    sync(members, (group?.members ?? []).map((number) => ({ key: number, mark: personName(state, number), make: () => h("li", {}, h("div", {}, row(state, number, leaving(phone, chat, number)))) })));
    sync(more, group ? joining(phone, chat, group) : isGroup(chat) ? [] : [{ key: "timer", mark: String(state.disappearing[chat] ?? 0), make: () => timer(phone, chat) }]);
  };
  return { node: h("div", {}, bar(phone, isGroup(chat) ? "Group" : "Contact"), h("div", { class: "scrolls" }, top, members, more)), update };
}

function leaving(phone, chat, number) {
  const own = number === phone.number;
  const label = own ? "Leave" : "Remove";
  return h("button", { type: "button", class: "small", "aria-label": own ? "Leave the group" : `Remove ${personName(phone.state, number)}`, onclick: () => phone.attempt(phone.api.member("DELETE", chat, number)) }, label);
}

function joining(phone, chat, group) {
  return others(phone.state).filter((number) => !group.members.includes(number)).map((number) => ({
    key: number,
    mark: personName(phone.state, number),
    make: () => h("button", { type: "button", class: "entry", onclick: () => phone.attempt(phone.api.member("PUT", chat, number)) }, avatar(personName(phone.state, number)), `Add ${personName(phone.state, number)}`),
  }));
}

function timer(phone, chat) {
  const now = phone.state.disappearing[chat] ?? 0;
  const select = h("select", { onchange: () => phone.attempt(phone.api.timer(chat, Number(select.value))) },
    TIMERS.map(([seconds, label]) => h("option", { value: seconds, selected: seconds === now }, label)));
  return h("label", {}, "Disappearing messages", select);
}

export function profile(phone) {
  const name = h("input", { value: phone.state.name, required: true, maxlength: "1000", autocomplete: "off" });
  const form = h("form", { class: "page" }, h("label", {}, "Name", name), h("button", { class: "green" }, "Save"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if ((await phone.attempt(phone.api.call("PUT", "/profile", { name: name.value }))) === null) phone.back();
  });
  const change = (path, body, box) => async () => {
    if ((await phone.attempt(phone.api.call("PUT", path, body(box.checked)))) === undefined) box.checked = !box.checked;
  };
  const network = h("input", { type: "checkbox", role: "switch" });
  const passkey = h("input", { type: "checkbox", role: "switch" });
  network.addEventListener("change", change("/presence", (online) => ({ online }), network));
  passkey.addEventListener("change", change("/passkey", (on) => ({ on }), passkey));
  const update = () => { network.checked = phone.state.online; passkey.checked = phone.state.passkey; };
  return {
    node: h("div", {}, bar(phone, "Profile"), h("div", { class: "info-top" }, avatar(phone.state.name), h("small", {}, phone.number)), form,
      h("div", { class: "page switches" },
        h("label", {}, h("span", {}, "Network", h("small", {}, "Without it, messages wait for this phone")), network),
        h("label", {}, h("span", {}, "Passkey", h("small", {}, "Linking a device then asks for it, too")), passkey))),
    update,
    first: name,
  };
}
