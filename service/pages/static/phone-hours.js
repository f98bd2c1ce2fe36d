// A person's hours: held, proposed, and as an owner confirmed or refused.
"use strict";
import {ask, at, clock, fill, looksLikeHours, press, quiet, say, start} from "/static/phone-page.js";

// The stations' own, not this browser's.
let zone;

// One line of hours, with what can be done about it.
function row(one, changes = []) {
  const part = at("row").content.cloneNode(true).firstElementChild;
  fill(part, {plate: one.plate, hours: one.hours, name: one.name});
  for (const [name, instant] of Object.entries({from: one.from_at, until: one.until_at})) {
    const words = part.querySelector(`[data-${name}]`), begun = name === "from" && new Date(instant) <= new Date();
    words.hidden = !instant || begun;
    words.querySelector("time").textContent = instant ? clock(instant, zone) : "";
  }
  const wish = part.querySelector("[data-wish]");
  wish.hidden = !one.state;
  if (one.state) wish.replaceChildren(document.querySelector(`[data-wish-state="${one.state}"]`).content.cloneNode(true));
  for (const button of part.querySelectorAll("[data-change]")) {
    button.hidden = !changes.includes(button.dataset.change);
    press(button, () => tell(`/v1/phone/hours/${encodeURIComponent(one.id)}/${button.dataset.change}`));
  }
  for (const words of part.querySelectorAll("[data-track]")) {
    const agreed = one.tracks_agreed ?? null;
    words.hidden = agreed === null || agreed === (words.dataset.track === "agree");
    press(words.querySelector("button"), () => tell(`/v1/phone/tracks/${encodeURIComponent(one.plate)}/${words.dataset.track}`));
  }
  return part;
}

// Minutes of the day that hours cover, past midnight as past 24:00.
function span(hours) {
  const [start, end] = hours.split("-").map((text) => text.split(":").reduce((sum, part) => 60 * sum + Number(part), 0));
  return [start, end > start ? end : end + 1440];
}

function overlap(one, other) {
  const [start, end] = span(one), [begin, until] = span(other);
  return [-1440, 0, 1440].some((shift) => start < until + shift && begin + shift < end);
}

// A proposal that waits for the owner; it says where another holds some of the hours.
function proposal(one, holders) {
  const part = row(one, ["confirm", "refuse"]);
  part.querySelector("[data-clash]").hidden = !holders.some((held) => held.name !== one.name && overlap(held.hours, one.hours));
  return part;
}

function vehicle(owned) {
  const part = at("vehicle").content.cloneNode(true);
  fill(part, {plate: owned.plate});
  const rows = [...owned.holders.map((one) => row(one)), ...owned.proposals.map((one) => proposal(one, owned.holders))];
  part.querySelector("[data-rows]").replaceChildren(...rows);
  const blockers = owned.blocked_by ?? [];
  part.querySelector("[data-blocked]").hidden = blockers.length === 0;
  part.querySelector("[data-blockers]").textContent = blockers.join(", ");
  press(part.querySelector("[data-lift-all]"), () => tell(`/v1/phone/plates/${encodeURIComponent(owned.plate)}/lift-all`, {}));
  return part;
}

// Confirmed hours are listed as own ones while they are held; once they are taken back or replaced the wish says so.
function wished(one, own) {
  const held = own.some((other) => other.plate === one.plate && other.hours === one.hours);
  return one.state === "confirmed" && !held ? {...one, state: "ended"} : one;
}

async function refresh() {
  const found = await ask("GET", "/v1/phone/hours");
  if (!found) return;
  zone = found.zone;
  at("own").replaceChildren(...found.own.map((one) => row(one)));
  at("no-own").hidden = found.own.length > 0;
  at("wishes").replaceChildren(...found.proposals.map((one) => row(wished(one, found.own), one.state === "waiting" ? ["withdraw"] : [])));
  at("vehicles").replaceChildren(...found.owned.map(vehicle));
  at("owned").hidden = found.owned.length === 0;
}

async function tell(target, record, words) {
  quiet();
  const answer = await ask("POST", target, record, {words});
  await refresh();
  if (answer) say("saved", "", "done");
  return answer;
}

start(async () => {
  at("wish").addEventListener("submit", async (event) => {
    event.preventDefault();
    const plate = at("plate").value.trim(), hours = at("hours").value.trim();
    if (!plate) { say("plate"); at("plate").focus(); return; }
    if (!looksLikeHours(hours)) { say("hours"); at("hours").focus(); return; }
    if (await tell("/v1/phone/hours", {plate, hours}, {400: "hours", 409: "wish"})) at("wish").reset();
  });
  await refresh();
});
