// The routes of one phone. A refusal is thrown as an Error whose message is the sentence to show.

export async function request(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The simulated WhatsApp doesn't answer. Is the demo still running?");
  }
  if (answer.status === 204) return null;
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail ?? `The simulated WhatsApp answered ${answer.status}.`);
  return body;
}

export function json(method, body) {
  return { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) };
}

const part = encodeURIComponent;

export class Api {
  constructor(number) {
    this.base = `/api/phones/${part(number)}`;
  }

  call(method, path, body) {
    return request(`${this.base}${path}`, json(method, body));
  }

  upload(path, form) {
    return request(`${this.base}${path}`, { method: "POST", body: form });
  }

  send(to, text, quote, mentions) { return this.call("POST", "/messages", { to, text, quote, mentions }); }
  react(line, emoji) { return this.call("PUT", `${this.path(line)}/reaction`, { emoji }); }
  edit(line, text) { return this.call("PUT", `${this.path(line)}/text`, { text }); }
  revoke(line) { return this.call("DELETE", this.path(line)); }
  played(line) { return this.call("POST", `${this.path(line)}/played`); }
  read(chat) { return this.call("POST", `/read/${part(chat)}`); }
  typing(chat, on) { return this.call("PUT", `/typing/${part(chat)}`, { on }); }
  timer(chat, seconds) { return this.call("PUT", `/timer/${part(chat)}`, { seconds }); }
  member(method, group, number) { return this.call(method, `/groups/${part(group)}/members/${part(number)}`); }
  path(line) { return `/messages/${part(line.chat)}/${part(line.id)}`; }
  file(line) { return `${this.base}/files/${part(line.chat)}/${part(line.id)}`; }
}
