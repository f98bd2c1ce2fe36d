// A person's mandates: what is in force, what rests, and a new one signed by the phone's key.
"use strict";
import {signedText} from "/static/phone-key.js";
import {ask, at, clock, copy, fen, fill, looksLikeHours, phone, press, quiet, say, start, yuan} from "/static/phone-page.js";

// The stations' own, not this browser's.
let zone;

function shown(mandate) {
  const part = at("mandate").content.cloneNode(true).firstElementChild;
  fill(part, {
    plates: mandate.plates.join(" · "), fill: yuan(mandate.per_fill_fen), day: yuan(mandate.per_day_fen),
    tries: String(mandate.tries_per_day), offline: yuan(mandate.offline_fen), agreed: yuan(mandate.agreed_fen ?? 0), signed: clock(mandate.signed_at, zone),
    stations: mandate.stations.join(" · "), hours: mandate.hours ?? "",
  });
  if (!mandate.stations.length) part.querySelector("[data-stations]").replaceChildren(copy("all"));
  if (!mandate.hours) part.querySelector("[data-hours]").replaceChildren(copy("all"));
  const tag = part.querySelector("[data-resting]");
  tag.replaceChildren(copy(mandate.paused ? "resting" : "in-force"));
  tag.className = mandate.paused ? "tag warn" : "tag good";
  for (const button of part.querySelectorAll("[data-change]")) {
    const change = button.dataset.change;
    button.hidden = change === "pause" ? mandate.paused : change === "resume" ? !mandate.paused : false;
    press(button, () => tell(`/v1/phone/mandates/${encodeURIComponent(mandate.id)}/${change}`, undefined, "saved"));
  }
  return part;
}

function choices(place, values) {
  at(place).replaceChildren(...values.map(([value, text]) => {
    const part = at("choice").content.cloneNode(true);
    part.querySelector("input").value = value;
    fill(part, {text});
    return part;
  }));
}

// What each way of paying can do for a plate, and why not, before anybody relies on it.
function wayOf(one) {
  const part = at("way").content.cloneNode(true).firstElementChild;
  fill(part, {plate: one.plate});
  part.querySelector("[data-way]").replaceChildren(copy(one.way), ...(one.chosen ? [" (", copy("way-chosen"), ")"] : []));
  if (one.per_fill_fen) part.querySelector("[data-limits]").replaceChildren(copy("per-fill"), yuan(one.per_fill_fen));
  const why = part.querySelector("[data-why]");
  why.className = one.why ? "tag warn" : "tag good";
  why.replaceChildren(copy("way-fits"));
  if (one.why) {
    const texts = why.querySelectorAll("[lang]");
    texts[0].textContent = one.why_zh;
    texts[1].textContent = one.why;
  }
  return part;
}

const chosen = (place) => [...at(place).querySelectorAll("input:checked")].map((box) => box.value);

async function refresh(isFirst) {
  const found = await ask("GET", "/v1/phone/mandates");
  if (!found) return;
  zone = found.zone;
  at("mandates").replaceChildren(...found.mandates.map(shown));
  at("none").hidden = found.mandates.length > 0;
  if (!isFirst) return;
  choices("plates", found.plates.map((plate) => [plate, plate]));
  choices("stations", found.stations.map((station) => [station.id, station.name || station.id]));
  const ways = found.ways ?? [];
  at("way-list").replaceChildren(...ways.map(wayOf));
  at("ways").hidden = !ways.length;
  at("as-owner").hidden = !(found.owned ?? []).length;
  at("no-plates").hidden = found.plates.length > 0;
  if (found.plates.length === 1) at("plates").querySelector("input").checked = true;
}

async function tell(target, record, message) {
  quiet();
  const answer = await ask("POST", target, record);
  await refresh(false);
  if (answer) say(message, "", "done");
}

async function sign(event) {
  event.preventDefault();
  const limits = {per_fill_fen: fen(at("fill").value), per_day_fen: fen(at("day").value), offline_fen: fen(at("offline").value), agreed_fen: fen(at("agreed").value)};
  const tries = Number(at("tries").value), plates = chosen("plates"), hours = at("hours").value.trim();
  const isWhole = Number.isInteger(tries) && tries > 0 && tries <= 1000;
  if (!plates.length) { say("plates"); return; }
  if (Object.values(limits).includes(null) || !limits.per_fill_fen || !limits.per_day_fen) { say("amount"); return; }
  if (!isWhole) { say("tries"); return; }
  if (hours && !looksLikeHours(hours)) { say("hours"); return; }
  const record = {plates, ...limits, tries_per_day: tries, stations: chosen("stations"), signed_at: new Date().toISOString()};
  if (hours) record.hours = hours;
  await tell("/v1/phone/mandates", await signedText(phone(), "greenlane mandate ", record), "signed");
}

start(async () => {
  at("new").addEventListener("submit", sign);
  await refresh(true);
});
