// Making elements. Text only ever becomes a text node: what strangers write can't turn into markup.

export function h(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const PATHS = {
  back: "M15 5l-7 7 7 7",
  more: "M12 5v.01M12 12v.01M12 19v.01",
  send: "M4 12l16-8-6 16-3-7z",
  clip: "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.4 3.4 0 0 1 5 5l-8.5 8.5a1.7 1.7 0 0 1-2.5-2.5L14.5 7.5",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5v.01M15 9.5v.01",
  reply: "M9 6l-6 5 6 5M3 11h11a7 7 0 0 1 7 7",
  play: "M8 5.500v13l10-6.500z",
  pause: "M8 6v12M16 6v12",
  close: "M6 6l12 12M18 6L6 18",
  down: "M7 10l5 5 5-5",
  write: "M4 5h16v11H9l-5 4zM12 8v5M9.500 10.500h5",
  laptop: "M5 5h14v10H5zM2 19h20",
  file: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9v.01",
  video: "M3 6h12v12H3zM15 11l6-4v10l-6-4z",
  mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3M6 11a6 6 0 0 0 12 0M12 17v4",
  pin: "M12 21s-7-6.500-7-11.500a7 7 0 0 1 14 0C19 14.500 12 21 12 21M12 7.500a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4 20c1-4.500 4-6 8-6s7 1.500 8 6",
  people: "M9 5a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7M2 19c.8-4 3.500-5 7-5s6.200 1 7 5M16 5.500a3 3 0 0 1 0 6M18.500 14.500c2 .6 3 2 3.500 4.500",
  sticker: "M5 4h14v10l-6 6H5zM19 14h-6v6",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4l3 2",
  check: "M5 12.500l4.500 4.500L19 7.500",
  checks: "M1.500 12.500l4.500 4.500L15 7.500M11 16l1 1 9.500-9.500",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2M20 14v2M14 20h2M18 18h2v2",
  offline: "M4 4l16 16M5 12a10 10 0 0 1 4-2.500M15 9.500a10 10 0 0 1 4 2.500M9 16a4.500 4.500 0 0 1 6 0",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon icon-${name}`);
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, onclick, props = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

const TINTS = 8;

export function avatar(name, group = false) {
  const letters = (name.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => [...word][0]);
  const initials = [letters[0], letters.length > 1 ? letters.at(-1) : ""].join("").toUpperCase();
  const tint = [...name].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % TINTS;
  return h("span", { class: `avatar tint-${tint}`, "aria-hidden": "true" }, !group && initials ? initials : icon(group ? "people" : "person"));
}

// Make `parent` show `items`, each { key, mark, make }: an element stays as long as the key's mark is the same, and the
// focus stays with its key.
export function sync(parent, items) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const active = document.activeElement;
  const held = [...before.values()].find((child) => child.contains(active));
  const wanted = items.map(({ key, mark, make }) => {
    const old = before.get(key);
    if (old && old.dataset.mark === mark) return old;
    const made = make();
    made.dataset.key = key;
    made.dataset.mark = mark;
    return made;
  });
  const kept = new Set(wanted);
  for (const child of before.values()) if (!kept.has(child)) child.remove();
  wanted.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  if (!held || document.activeElement === active) return;
  const now = wanted.find((child) => child.dataset.key === held.dataset.key);
  const again = now === held ? active : now?.matches("button") ? now : now?.querySelector("button");
  again?.focus({ preventScroll: true });
}

// Up, Down, Home and End move the focus among what `selector` finds inside `parent`.
export function arrows(parent, selector) {
  const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
  parent.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    const all = [...parent.querySelectorAll(selector)];
    const at = all.indexOf(document.activeElement);
    if (step === undefined || at < 0) return;
    event.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, at + step))].focus();
  });
}
