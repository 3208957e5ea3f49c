// The page: a frame for each simulated phone, a switcher for narrow screens, and a form for another phone.

import { json, request } from "./phone/api.js";
import { avatar, h } from "./phone/dom.js";
import { Phone } from "./phone/frame.js";

const stage = document.getElementById("stage");
const switcher = document.getElementById("switcher");
const dialog = document.getElementById("new-phone");
const form = dialog.querySelector("form");
const refusal = dialog.querySelector("[role=alert]");
const phones = [];

const codes = async () => {
  const answer = await fetch("/api/codes");
  return answer.ok ? answer.json() : [];
};

function show(phone) {
  for (const other of phones) {
    other.node.classList.toggle("current", other === phone);
    other.tab.setAttribute("aria-pressed", String(other === phone));
  }
  phone.update();
}

function add({ number, name }) {
  const phone = new Phone(number, name, codes);
  phone.tab = h("button", { type: "button", onclick: () => show(phone) });
  phone.onrename = () => phone.tab.replaceChildren(avatar(phone.name), h("bdi", {}, phone.name));
  phone.onrename();
  phones.push(phone);
  stage.append(phone.node);
  switcher.append(phone.tab);
  phone.start();
  return phone;
}

document.getElementById("add-phone").addEventListener("click", () => {
  const last = phones.map((phone) => BigInt(phone.number)).reduce((one, other) => (one > other ? one : other), 4915110000000n);
  form.reset();
  form.elements.number.value = `+${last + 1n}`;
  refusal.textContent = "";
  dialog.showModal();
  form.elements.name.focus();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const made = await request("/api/phones", json("POST", Object.fromEntries(new FormData(form))));
    dialog.close();
    const phone = add(made);
    show(phone);
    phone.node.scrollIntoView({ inline: "nearest", block: "nearest" });
  } catch (error) {
    refusal.textContent = error.message;
  }
});

dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());

for (const phone of await request("/api/phones")) add(phone);
if (phones.length) show(phones[0]);
