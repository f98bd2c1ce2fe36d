// The phone's first page: pairing, or the person's money and bills.
"use strict";
import {ask, at, clock, fill, litres, showState, start, yuan} from "/static/phone-page.js";

function bill(charge) {
  const part = at("bill").content.cloneNode(true);
  part.querySelector("[data-link]").href = `/phone/charges/${encodeURIComponent(charge.id)}`;
  fill(part, {
    amount: yuan(charge.amount_fen), plate: charge.plate ?? "", at: clock(charge.started_at, charge.zone),
    station: charge.station_name || charge.station, litres: litres(charge.volume_ml),
  });
  showState(part, charge.state);
  return part;
}

async function show() {
  const me = await ask("GET", "/v1/phone/me");
  if (!me) return;
  at("name").textContent = me.name;
  at("balance").textContent = yuan(me.balance_fen);
  at("held").textContent = yuan(me.held_fen);
  at("owed").textContent = yuan(me.owed_fen);
  const charges = await ask("GET", "/v1/phone/charges");
  if (!charges) return;
  const waits = (charge) => Number(charge.may.includes("pay"));
  at("charges").replaceChildren(...charges.toSorted((a, b) => waits(b) - waits(a)).map(bill));
  at("none").hidden = charges.length > 0;
}

start(show);
