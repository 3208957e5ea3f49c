// What every page does: tells the browser's time zone, changes the colours at once, sends acts without leaving the page.

import { perform, request, syncZone, toast } from "./lib.js";

const { dataset } = document.documentElement;
const schemes = { system: "light dark" };

async function recolour(form, { value }) {
  await request("POST", form.action, new URLSearchParams({ theme: value }));
  dataset.theme = value;
  document.querySelector('meta[name="color-scheme"]').content = schemes[value] ?? value;
  for (const button of document.querySelectorAll("[data-theme-form] button"))
    button.setAttribute("aria-pressed", button.value === value);
}

async function send(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  const path = button?.getAttribute("formaction") ?? form.getAttribute("action");
  const done = await perform(path, body, form.querySelector(".error-line"));
  if (!done || !("reset" in form.dataset)) return;
  form.reset();
  form.querySelector("input").focus();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const colours = form.matches("[data-theme-form]");
  if (event.defaultPrevented || !(colours || form.matches("[data-act]"))) return;
  event.preventDefault();
  (colours ? recolour : send)(form, event.submitter).catch((failure) => toast(failure.message));
});

// A field that holds a form up is shown first, where it was folded away.
const unfold = ({ target }) => target.closest("details")?.setAttribute("open", "");
document.addEventListener("invalid", unfold, true);

document.addEventListener("input", ({ target }) => {
  const line = target.form?.querySelector(".error-line");
  if (line) line.hidden = true; // it was about what stood there before
});

syncZone();
for (const told of document.querySelectorAll(".toast")) setTimeout(() => told.remove(), 8000);
if (!document.body.dataset.timezone)
  for (const key of Object.keys(localStorage)) if (key.startsWith("draft:")) localStorage.removeItem(key); // signed out
