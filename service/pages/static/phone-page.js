// What all pages of the phone share: the paired key or the way to pairing, messages, and values as people read them.
"use strict";
import * as key from "/static/phone-key.js";

export const at = (id) => document.getElementById(id);
export const yuan = (fen) => (fen < 0 ? "-" : "") + "¥" + Math.floor(Math.abs(fen) / 100) + "." + String(Math.abs(fen) % 100).padStart(2, "0");
export const litres = (ml) => (ml / 1000).toFixed(2) + " L";

// Yuan as typed, in fen; null where it is no amount.
export function fen(text) {
  const found = /^([0-9]{1,7})(?:[.。]([0-9]{1,2}))?$/.exec(text.trim());
  return found && Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0"));
}

// The words of one of the page's templates.
export const copy = (id) => at(id).content.cloneNode(true);

// What a press does; one that cannot be taken back is asked for twice.
export function press(button, act) {
  const before = [...button.childNodes];
  const disarm = () => { if (button.dataset.armed) { delete button.dataset.armed; button.replaceChildren(...before); } };
  button.addEventListener("click", async () => {
    if ("sure" in button.dataset && !button.dataset.armed) {
      button.dataset.armed = "yes";
      button.replaceChildren(copy("sure"));
      setTimeout(disarm, 5000);
      return;
    }
    button.disabled = true;
    try { await act(); } finally { button.disabled = false; disarm(); }
  });
}

// A time of the station's own clock.
export function clock(iso, zone) {
  const parts = {year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit"};
  return new Intl.DateTimeFormat("sv-SE", {...parts, hourCycle: "h23", timeZone: zone}).format(new Date(iso));
}

// In which colours a plate of this text is drawn: as look_of() of service/http/format_table.py.
export function lookOf(plate) {
  const last = plate.slice(-1);
  if ("港澳使领".includes(last) || plate.startsWith("使")) return "black";
  if ("警急临".includes(last) || /^(WJ|军|[\x00-\x7f]{2})/.test(plate)) return "white";
  if ("学挂试".includes(last)) return "yellow";
  if (plate.startsWith("民航") || /^.[0-9]/.test(plate)) return "green-dark";
  if (plate.length === 8) return /[A-Z]/.test(last) ? "green-large" : "green";
  return "blue";
}

// Writes a text into every place of a part that is marked for it; no text becomes markup. A plate is drawn in its colours.
export function fill(part, values) {
  for (const [name, text] of Object.entries(values)) {
    for (const place of part.querySelectorAll(`[data-${name}]`)) {
      place.textContent = text;
      if (name === "plate" && text) place.className = `plate-tag plate-drawn in-text ${lookOf(text)}`;
    }
  }
}

// Shows a charge's state in words and colour.
export function showState(part, state) {
  const words = document.querySelector(`template[data-state="${state}"]`);
  for (const tag of part.querySelectorAll(".tag[data-state]")) {
    tag.replaceChildren(words.content.cloneNode(true));
    tag.className = `tag ${words.dataset.tone}`;
    tag.dataset.state = state;
  }
}

let own;
export const phone = () => own;

const SAY_ALL = ["code", "revoked", "clock", "throttled", "consent", "gone"]; // what the service adds would be the same in English

// Hours that look like some; what exactly they may be the service knows.
export const looksLikeHours = (text) => /^[0-9:：\s]+[-–—－~～至到]+[0-9:：\s]+$/.test(text);

// Shows one of the page's messages, in both languages; the service's own sentence goes along for whoever helps.
export function say(name, detail = "", place = "wrong") {
  for (const other of ["wrong", "done"]) at(other).hidden = true;
  const template = document.querySelector(`template[data-message="${name}"]`);
  at(place).replaceChildren(template.content.cloneNode(true));
  if (detail && !SAY_ALL.includes(name)) {
    const small = document.createElement("small");
    small.lang = "en";
    small.textContent = detail;
    at(place).append(small);
  }
  at(place).dataset.name = name;
  at(place).hidden = false;
  at(place).scrollIntoView({block: "nearest"});
}

export function quiet() { at("wrong").hidden = at("done").hidden = true; }

const GREENS = "/v1/phone/greens"; // of this moment alone: an old one is not kept
const BY_FLAW = {revoked: "revoked", unknown_key: "revoked", stale: "clock", future: "clock"};
const BY_STATUS = {400: "input", 403: "moved", 404: "gone", 409: "moved", 422: "input", 429: "throttled"};

// A record that is too much to be kept for when there is no line.
export const fetchOnce = (target) => ask("GET", target, undefined, {keeps: false});

// The answer's record, or undefined where it was refused; then the page has said why: by its status, as words has it first.
export async function ask(method, target, record, {keeps = target !== GREENS, words = {}} = {}) {
  let answer;
  try {
    answer = await key.ask(own, method, target, record);
  } catch {
    const seen = method === "GET" ? await key.lastSeen(target) : undefined;
    say(seen ? "old" : "offline");
    return seen;
  }
  if (answer.ok) {
    const told = answer.status === 204 ? {} : await answer.json();
    if (method === "GET") { if (keeps) await key.keepSeen(target, told); if (at("wrong").dataset.name === "old") quiet(); }
    return told;
  }
  const {detail = ""} = await answer.json().catch(() => ({}));
  const name = BY_FLAW[answer.headers.get("Greenlane-Flaw")] ?? words[answer.status] ?? BY_STATUS[answer.status] ?? "fault";
  if (name === "revoked") {
    await key.forget();
    if (at("pairing")) { at("pair").addEventListener("submit", pair); showPairing(); } else { location.assign("/phone"); return undefined; }
  }
  say(name, detail);
  return undefined;
}

// A picture that only this phone may see, as an address for an image; null where none is kept.
export async function picture(target) {
  const answer = await key.ask(own, "GET", target).catch(() => null);
  if (!answer?.ok) return null;
  const blob = await answer.blob();
  return new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(blob);
  });
}

// Calls changed() at once and whenever something of this person changes, while the page is looked at.
export function follow(changed, reached) {
  let stop = null, round = 0;
  async function once() {
    stop = new AbortController();
    const answer = await key.ask(own, "GET", "/v1/phone/events", undefined, {signal: stop.signal});
    if (!answer.ok) throw new Error(String(answer.status));
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      reached(true);
      if (lines.some((line) => line === "event: changed")) await changed();
    }
  }
  async function forever() {
    const mine = ++round;
    for (let pause = 1000; !document.hidden && mine === round; pause = Math.min(2 * pause, 30000)) {
      try { await once(); pause = 1000; } catch { reached(document.hidden); await changed(); }
      await new Promise((done) => setTimeout(done, pause));
    }
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) stop?.abort(); else forever(); });
  forever();
}

function showPairing() {
  for (const part of document.querySelectorAll("[data-view], [data-paired]")) part.hidden = true;
  at("pairing").hidden = false;
  at("code").focus();
}

async function pair(event) {
  event.preventDefault();
  quiet();
  const code = at("code").value.trim(), consent = at("consent");
  if (!code) { say("no-code"); at("code").focus(); return; }
  if (!consent.checked) { say("agree"); consent.focus(); return; }
  const next = (await key.loadNext()) ?? (await key.make());
  await key.keepNext(next);
  let answer;
  try {
    answer = await key.ask(next, "POST", "/v1/phone/pairings", {code, public_key: next.publicKey, consent: consent.value});
  } catch { say("offline"); return; }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const flaw = answer.headers.get("Greenlane-Flaw");
    const name = answer.status === 401 && flaw === "unknown_key" ? "code" : BY_FLAW[flaw];
    say(name ?? (answer.status === 400 && told.detail?.startsWith("consent") ? "consent" : BY_STATUS[answer.status] ?? "fault"), told.detail);
    return;
  }
  await key.keep({...next, name: told.name});
  navigator.storage?.persist?.();
  history.replaceState(null, "", location.pathname);
  location.reload();
}

// Calls show() once the phone has a key; else the way to pairing, or why there is none.
export async function start(show) {
  at("opening").hidden = true;
  if (!key.canHoldKey()) { at("insecure").hidden = false; return; }
  own = await key.load();
  const fromLink = location.hash.slice(1);
  if (!own || fromLink) {
    if (!at("pairing")) { location.assign("/phone"); return; }
    at("held-by").hidden = !own;
    at("holder").textContent = own?.name ?? "";
    at("pair").addEventListener("submit", pair);
    at("code").value = decodeURIComponent(fromLink).slice(0, 20);
    showPairing();
    return;
  }
  navigator.serviceWorker?.register("/phone/sw.js", {scope: "/phone"}).catch(() => {});
  for (const part of document.querySelectorAll("[data-view], [data-paired]")) part.hidden = false;
  import("/static/phone-near.js").then(({warnNearStations}) => warnNearStations()).catch(() => {});
  await show();
}
