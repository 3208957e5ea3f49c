// Baileys as a linked device, driven line by line: an order is a line of JSON on stdin, an event one on stdout.
//
// node client.js STORE        environment: PROXY_URL, NODE_EXTRA_CA_CERTS, NOISE_ROOT
//
// Whatever it dials goes through the proxy, which has loopback addresses only.

import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import readline from "node:readline";
import { Readable } from "node:stream";
import tls from "node:tls";

import makeWASocket, {
  DisconnectReason,
  WA_CERT_DETAILS,
  downloadMediaMessage,
  useMultiFileAuthState,
} from "@whiskeysockets/baileys";

const proxy = new URL(process.env.PROXY_URL);

class Tunnel extends https.Agent {
  createConnection({ host }, done) {
    const request = http.request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: `${host}:443` });
    request.once("connect", ({ statusCode }, socket) => {
      if (statusCode === 200) done(null, tls.connect({ socket, servername: host }));
      else done(new Error(`The proxy refuses ${host}: ${statusCode}`));
    });
    request.once("error", done);
    request.end();
  }
}

const agent = new Tunnel();
globalThis.fetch = async (url, { headers } = {}) => {
  const [answer] = await once(https.get(url, { agent, headers }), "response");
  return new Response(Readable.toWeb(answer), { status: answer.statusCode });
};
WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(process.env.NOISE_ROOT, "hex");

const silence = ["trace", "debug", "info", "warn", "error"].map((level) => [level, () => {}]);
const logger = { ...Object.fromEntries(silence), level: "silent", child: () => logger };
const tell = (event, rest = {}) => console.log(JSON.stringify({ event, ...rest }));
const { state, saveCreds } = await useMultiFileAuthState(process.argv[2]);
let client;

function connect() {
  client = makeWASocket({
    auth: state,
    agent,
    fetchAgent: agent,
    logger,
    shouldSyncHistoryMessage: () => false, // loopback's phones send no history
  });
  client.ev.on("creds.update", saveCreds);
  client.ev.on("connection.update", ({ qr, connection, lastDisconnect }) => {
    if (qr) tell("qr", { text: qr });
    if (connection === "open") tell("open", { id: client.user.id });
    if (connection !== "close") return;
    const code = lastDisconnect.error?.output?.statusCode;
    if (code === DisconnectReason.restartRequired) connect();
    else tell("closed", { code });
  });
  client.ev.on("messages.upsert", async ({ messages }) => {
    for (const message of messages) await heard(message);
  });
  client.ws.on("CB:receipt", ({ attrs: { id, from, type = "delivered" } }) => tell("receipt", { id, from, type }));
}

async function heard(message) {
  const content = message.message ?? {};
  const file = content.imageMessage && (await downloadMediaMessage(message, "buffer", {}));
  tell("message", {
    key: message.key,
    text: content.conversation ?? content.extendedTextMessage?.text ?? content.imageMessage?.caption,
    file: file?.toString("base64"),
  });
}

// Any other order is a function of the client.
const orders = {
  text: async ({ to, text }) => (await client.sendMessage(to, { text })).key,
  image: async ({ to, file, text }) =>
    (await client.sendMessage(to, { image: Buffer.from(file, "base64"), caption: text, jpegThumbnail: "" })).key,
  read: ({ key }) => client.readMessages([key]),
};

connect();
for await (const line of readline.createInterface(process.stdin)) {
  const { order, ...rest } = JSON.parse(line);
  try {
    const result = order in orders ? await orders[order](rest) : await client[order](...rest.given);
    tell("done", { result: result ?? null });
  } catch (error) {
    tell("done", { error: String(error) });
  }
}
await client.end();
await saveCreds();
process.exit();
