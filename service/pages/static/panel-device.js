// The entrance of a panel that is a device: comes in by its key; enrols with a one-time code where it has none.
// Started with /panel#CODE it enrols by itself; a code that is used up is not tried where there is a key.
"use strict";
import {ask, canHoldKey, forget, keep, keepNext, load, loadNext, make} from "/static/panel-key.js";

const AGAIN_MS = 3000;
const BY_FLAW = {revoked: "revoked", unknown_key: "revoked", stale: "clock", future: "clock"};
const BY_STATUS = {429: "throttled", 500: "away", 502: "away", 503: "away", 504: "away"};
const WAITING = ["away", "clock"];
const at = (id) => document.getElementById(id);

function say(name) {
  const notice = at("notice"), words = document.querySelector(`template[data-message="${name}"]`);
  if (notice.dataset.name === name) return;
  notice.replaceChildren(words.content.cloneNode(true));
  notice.className = `notice ${words.dataset.tone}`;
  notice.dataset.name = name;
  notice.hidden = false;
}

async function comeIn(own) {
  let name = "away";
  try {
    const answer = await ask(own, "POST", "/v1/panel-sessions", {});
    if (answer.ok) { location.replace(`/panel/${encodeURIComponent((await answer.json()).lane)}`); return; }
    name = BY_FLAW[answer.headers.get("Greenlane-Flaw")] ?? (answer.status === 403 ? "revoked" : "away");
  } catch { name = "away"; }
  say(name);
  if (name === "revoked") { await forget(); await askForCode(); return; }
  setTimeout(() => comeIn(own), AGAIN_MS);
}

async function askForCode() {
  at("enrol").hidden = false;
  at("code").focus();
  await import("/static/keyboard.js");
}

// The key is kept before it is sent, so that a lost answer is mended by trying again. Answers what was said of it.
async function enrol(code) {
  const next = (await loadNext()) ?? (await make());
  await keepNext(next);
  let answer;
  try {
    answer = await ask(next, "POST", "/v1/enrolments", {code, public_key: next.publicKey, kind: "panel"});
  } catch { return said("away"); }
  if (answer.ok) {
    await keep(next);
    navigator.storage?.persist?.();
    history.replaceState(null, "", location.pathname);
    say("coming");
    await comeIn(next);
    return "coming";
  }
  const byFlaw = BY_FLAW[answer.headers.get("Greenlane-Flaw")];
  return said(BY_STATUS[answer.status] ?? (byFlaw === "clock" ? byFlaw : "code"));
}

function said(name) { say(name); return name; }

at("enrol").addEventListener("submit", async (event) => {
  event.preventDefault();
  const code = at("code").value.trim(), button = at("enrol").querySelector("button[type=submit]");
  if (!code) { at("code").focus(); return; }
  button.disabled = true;
  try { await enrol(code); } catch { say("old"); } finally { button.disabled = false; }
});

async function start() {
  if (!canHoldKey()) { say("insecure"); return; }
  const own = await load(), fromLink = decodeURIComponent(location.hash.slice(1)).slice(0, 20);
  if (own) { say("coming"); await comeIn(own); return; }
  at("code").value = fromLink;
  while (fromLink && WAITING.includes(await enrol(fromLink))) await new Promise((done) => setTimeout(done, AGAIN_MS));
  if (!await load()) await askForCode();
}

start().catch(() => say("old"));
