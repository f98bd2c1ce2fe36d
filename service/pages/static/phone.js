// The phone's first page: pairing, or the person's money and bills.
"use strict";
import {offerPush} from "/static/phone-push.js";
import {ask, at, clock, fill, follow, litres, press, say, showState, start, yuan} from "/static/phone-page.js";

function bill(charge) {
  const part = at("bill").content.cloneNode(true);
  part.querySelector("[data-link]").href = `/phone/charges/${encodeURIComponent(charge.id)}`;
  fill(part, {
    amount: yuan(charge.amount_fen), plate: charge.plate ?? "", at: clock(charge.started_at, charge.zone),
    station: charge.station_name || charge.station, litres: litres(charge.volume_ml), fuelling: yuan(charge.fuelling_fen),
  });
  part.querySelector("[data-whole]").hidden = charge.amount_fen === charge.fuelling_fen;
  showState(part, charge.state);
  return part;
}

function green(one) {
  const part = at("green").content.cloneNode(true);
  fill(part, {
    plate: one.plate, station: one.station_name || one.station, lane: one.lane, limit: yuan(one.limit_fen),
    at: clock(one.asked_at, one.zone),
  });
  press(part.querySelector("[data-not-me]"), async () => {
    const answer = await ask("POST", `/v1/phone/plates/${encodeURIComponent(one.plate)}/not-me`, {});
    await show();
    if (answer) say(answer.flowing ? "flowing" : "not-me", "", "done");
  });
  return part;
}

function blocked(plate) {
  const part = at("blocked").content.cloneNode(true);
  fill(part, {plate});
  press(part.querySelector("[data-lift]"), async () => {
    const answer = await ask("POST", `/v1/phone/plates/${encodeURIComponent(plate)}/lift`, {});
    await show();
    if (answer) say("saved", "", "done");
  });
  return part;
}

async function show() {
  const me = await ask("GET", "/v1/phone/me");
  if (!me) return;
  at("name").textContent = me.name;
  at("balance").textContent = yuan(me.balance_fen);
  at("held").textContent = yuan(me.held_fen);
  at("owed").textContent = yuan(me.owed_fen);
  const now = await ask("GET", "/v1/phone/greens");
  if (now) at("greens").replaceChildren(...now.greens.map(green), ...now.blocked.map(blocked));
  const charges = await ask("GET", "/v1/phone/charges");
  if (!charges) return;
  const waits = (charge) => Number(charge.may.includes("pay"));
  at("charges").replaceChildren(...charges.toSorted((a, b) => waits(b) - waits(a)).map(bill));
  at("none").hidden = charges.length > 0;
}

start(async () => { offerPush(); follow(show, (isThere) => { at("quiet-line").hidden = isThere; }); });
