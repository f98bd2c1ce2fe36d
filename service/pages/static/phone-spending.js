// What the person has paid, by month and plate: the service's drawing, and the same as a table.
"use strict";
import {ask, at, litres, start, yuan} from "/static/phone-page.js";

function row(month, one) {
  const line = document.createElement("tr");
  for (const text of [month, one.plate, litres(one.volume_ml), yuan(one.amount_fen)]) line.insertCell().textContent = text;
  return line;
}

start(async () => {
  const found = await ask("GET", "/v1/phone/spending");
  if (!found) return;
  const all = found.months.flatMap(({month, plates}) => plates.map((one) => [month, one]));
  at("none").hidden = all.length > 0;
  at("plot").hidden = at("sums").hidden = all.length === 0;
  const svg = new DOMParser().parseFromString(found.svg, "image/svg+xml").documentElement;
  at("plot").replaceChildren(document.importNode(svg, true));
  at("sums").tBodies[0].replaceChildren(...all.toReversed().map(([month, one]) => row(month, one)));
  const sum = (name) => all.reduce((so_far, [, one]) => so_far + one[name], 0);
  document.querySelector("[data-litres]").textContent = litres(sum("volume_ml"));
  document.querySelector("[data-paid]").textContent = yuan(sum("amount_fen"));
});
