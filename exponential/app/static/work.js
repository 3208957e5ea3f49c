// Tasks, projects and meetings: what is shown follows what anybody does; details open in a sheet; lists by keyboard.

import { $, live, once, part, perform, request } from "./lib.js";

const shown = $("live");
const sheet = $("sheet");
const bulk = $("bulk");
const reading = $("reading");
const boxes = () => [...shown.querySelectorAll(".choose input")];
const rows = () => [...shown.querySelectorAll(".task")].filter((row) => row.checkVisibility());
const focus = (row) => row?.querySelector(".tick, .choose input").focus();
let here = location.href;
let last = null; // the row that has the focus, or had it when the browser took it away
let timer = 0;

const refresh = once(async () => {
  const fresh = document.createElement("div");
  fresh.append(await part(here));
  if (fresh.innerHTML.trim() === shown.innerHTML.trim()) return;
  const row = last;
  const place = rows().indexOf(row);
  const chosen = boxes().filter((box) => box.checked).map((box) => box.value);
  const open = $("done")?.open;
  shown.replaceChildren(...fresh.childNodes);
  if ($("done")) $("done").open = open ?? $("done").open;
  for (const box of boxes()) box.checked = chosen.includes(box.value);
  const same = rows().find(({ id, className }) => id === row?.id && className === row.className);
  if (row) focus(same ?? rows()[place] ?? rows().at(-1));
  count();
});
const update = () => refresh().catch(() => {}); // what is shown stays; the next change tries again

function count() {
  if (!bulk) return;
  const number = boxes().filter((box) => box.checked).length;
  $("chosen-count").textContent = number ? `${number} chosen` : "None chosen";
  $("all").checked = number > 0 && number === boxes().length;
  for (const button of bulk.querySelectorAll("button")) button.disabled = !number;
}

async function open(link) {
  try {
    sheet.replaceChildren(await part(link.href));
    sheet.showModal();
  } catch {
    location.assign(link.href);
  }
}

document.addEventListener("focusin", ({ target }) => (last = target.closest("#live .task")));
document.addEventListener("pointerdown", () => (last = null));
document.addEventListener("acted", () => {
  const page = document.querySelector("[data-then]");
  if (page) return location.assign(page.dataset.then);
  sheet?.close();
  $("bulk-change")?.hidePopover();
  update();
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-sheet]");
  if (event.target === sheet) sheet.close();
  if (!link || !sheet || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link);
});
shown?.addEventListener("keydown", (event) => {
  const row = event.target.closest(".task");
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) focus(rows()[rows().indexOf(row) + step]);
  else if (event.key === "e") open(row.querySelector("a[data-sheet]"));
  else if (event.key === "Delete") perform(`/tasks/${row.dataset.id}/delete`);
  else return;
  event.preventDefault();
});
shown?.addEventListener("change", count);
$("all")?.addEventListener("change", ({ target }) => {
  for (const box of boxes()) box.checked = target.checked;
  count();
});

for (const filter of document.querySelectorAll("[data-filter]")) {
  const apply = () => {
    const wanted = new URLSearchParams(new FormData(filter));
    here = `${filter.action}?${wanted}`;
    history.replaceState(null, "", here);
    for (const link of document.querySelectorAll("a[data-keep]"))
      link.search = new URLSearchParams([...wanted, ...new URLSearchParams(link.dataset.keep)]);
    update();
  };
  filter.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(apply, 180);
  });
  filter.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
}

if (reading) {
  const read = once(async () => {
    const query = new URLSearchParams({ title: $("title").value });
    const { due, priority, project } = await (await request("GET", `/tasks/reading?${query}`)).json();
    reading.textContent = [due, priority, project].filter(Boolean).join(" · ");
  });
  $("add").addEventListener("input", () => read().catch(() => {}));
  $("add").addEventListener("reset", () => setTimeout(read));
}

count();
if (shown) live("/tasks/events", update);
