// One bill, or its receipt: what it is for, and what the phone's key signs about it.
"use strict";
import {signedText} from "/static/phone-key.js";
import {ask, at, clock, fill, litres, phone, picture, press, quiet, say, showState, start, yuan} from "/static/phone-page.js";

const id = decodeURIComponent(location.pathname.split("/")[3]);
const target = `/v1/phone/charges/${encodeURIComponent(id)}`;
let charge;

function facts() {
  const total = (ml) => (ml / 1000).toFixed(2);
  return {
    amount: yuan(charge.amount_fen), plate: charge.plate ?? "", station: charge.station_name || charge.station,
    place: `${charge.lane} · ${charge.dispenser}`, at: clock(charge.started_at, charge.zone), product: charge.product,
    litres: litres(charge.volume_ml), price: `${yuan(charge.unit_price_fen_per_l)} / L`, fuelling: yuan(charge.fuelling_fen),
    totals: `${total(charge.totaliser_before_ml)} / ${total(charge.totaliser_after_ml)}`, period: charge.period ?? "",
    paid: charge.paid_at ? clock(charge.paid_at, charge.zone) : "", refunded: charge.refunded_fen ? yuan(charge.refunded_fen) : "",
    due: charge.due_at ? clock(charge.due_at, charge.zone) : "", id: charge.id,
  };
}

function show() {
  const part = at("bill"), values = facts();
  fill(part, values);
  for (const row of part.querySelectorAll("[data-row]")) row.hidden = !values[row.dataset.row];
  showState(part, charge.state);
  const waits = charge.may.includes("pay");
  const holds = {due: charge.due_at && waits, escalated: charge.escalated && waits, part: charge.amount_fen !== charge.fuelling_fen};
  for (const note of part.querySelectorAll("[data-if]")) note.hidden = !holds[note.dataset.if];
  for (const button of part.querySelectorAll("[data-say]")) button.hidden = !charge.may.includes(button.dataset.say);
  part.hidden = false;
}

async function refresh() {
  const found = await ask("GET", target);
  if (found) { charge = found; show(); }
}

async function tell(word) {
  quiet();
  const record = {charge: charge.id, word, amount_fen: charge.amount_fen, at: new Date().toISOString()};
  const answer = await ask("POST", `${target}/words`, await signedText(phone(), "greenlane payment ", record));
  await refresh();
  if (answer && (word !== "pay" || answer.state === "paid")) say(`said-${word}`, "", "done");
}

start(async () => {
  await refresh();
  if (!charge) return;
  for (const button of document.querySelectorAll("[data-say]")) press(button, () => tell(button.dataset.say));
  for (const link of document.querySelectorAll("[data-receipt]")) link.href = `${location.pathname}/receipt`;
  for (const link of document.querySelectorAll("[data-back]")) link.href = location.pathname.replace(/\/receipt$/, "");
  at("print")?.addEventListener("click", () => print());
  const shot = at("shot");
  const found = shot && (await picture(`${target}/picture`));
  if (found) { shot.src = found; shot.hidden = false; }
});
