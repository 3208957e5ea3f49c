// A player for voice notes: a button, how far it is, how long it takes.

import { h, icon } from "./dom.js";
import { length } from "./words.js";

export function sound(url, label, seconds, onplay) {
  const audio = h("audio", { src: url, preload: "none", onplay });
  const button = h("button", { type: "button", class: "play" });
  const progress = h("span", { class: "wave", "aria-hidden": "true" }, h("span", { class: "heard" }));
  const time = h("small", {}, length(seconds));
  const show = () => {
    const name = `${audio.paused ? "Play" : "Pause"} ${label}, ${length(seconds)}`;
    button.replaceChildren(icon(audio.paused ? "play" : "pause"));
    button.setAttribute("aria-label", name);
  };
  audio.addEventListener("pause", show);
  audio.addEventListener("play", show);
  audio.addEventListener("timeupdate", () => {
    const all = Number.isFinite(audio.duration) ? audio.duration : seconds;
    progress.firstChild.style.width = all ? `${(100 * audio.currentTime) / all}%` : "0";
    time.textContent = length(audio.paused && audio.ended ? seconds : audio.currentTime);
  });
  audio.addEventListener("error", () => { time.textContent = "can’t be played"; show(); });
  button.addEventListener("click", () => (audio.paused ? audio.play().catch(show) : audio.pause()));
  show();
  return h("span", { class: "sound" }, button, progress, time, audio);
}
