// The list of chats: searches while one types, and follows what is said in any of them.

import { $, live, once, part } from "./lib.js";

const list = $("chat-list");
const form = $("chat-search");
const here = $("chat")?.dataset.chat;
let timer = 0;

const refresh = once(async () => {
  const page = here ? 1 : new URLSearchParams(location.search).get("page") || 1;
  const query = new URLSearchParams({ q: form.q.value.trim(), page, ...(here && { here }) });
  const focused = document.activeElement?.closest("#chat-list li")?.id;
  list.replaceChildren(await part(`/chats?${query}`));
  $(focused)?.querySelector("a").focus();
});
const update = () => refresh().catch(() => {}); // the list as it was is better than none; the next change tries again
const news = () => form.q.value.trim() || update();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  update();
});
form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(update, 180);
});
document.addEventListener("list", news);
if (!here) live("/chats/events", { list: news });
