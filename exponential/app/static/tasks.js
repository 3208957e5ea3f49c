// The task list: adds, completes and reopens without leaving the page, and follows changes made elsewhere.

import { fragment, live, once, request, syncZone } from "./lib.js";

const lists = document.getElementById("lists");
const add = document.getElementById("add");
const title = document.getElementById("title");
const due = document.getElementById("due");
const dueText = document.getElementById("due-text");
const problem = document.getElementById("add-error");

function complain(sentence) {
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

const refresh = once(async () => {
  const html = await (await request("GET", "/tasks/list")).text();
  const done = document.getElementById("done");
  const fresh = fragment(html);
  const details = fresh.getElementById("done");
  if (done && details) details.open = done.open;
  const focused = document.activeElement?.closest(".task")?.id;
  lists.replaceChildren(fresh);
  if (focused) document.getElementById(focused)?.querySelector("button")?.focus();
});

async function post(form) {
  complain("");
  try {
    await request("POST", form.action, new URLSearchParams(new FormData(form)));
    await refresh();
    return true;
  } catch (failure) {
    complain(failure.message);
    return false;
  }
}

due.addEventListener("input", showDue);

function showDue() {
  const day = due.valueAsDate;
  due.parentElement.classList.toggle("chosen", Boolean(day));
  dueText.textContent = day
    ? day.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" })
    : "Due date";
}

add.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!title.value.trim()) {
    complain("A task needs a title. Say what is to be done.");
  } else if (await post(add)) {
    add.reset();
    title.value = "";
    showDue();
  }
  title.focus();
});
lists.addEventListener("submit", (event) => {
  event.preventDefault();
  event.target.closest(".task").classList.toggle("leaving");
  post(event.target).then((done) => done || event.target.closest(".task")?.classList.remove("leaving"));
});

await syncZone();
live("/tasks/events", () => refresh().catch((failure) => complain(failure.message)));
