// The phone's first page: pairing, or the person's money.
"use strict";
import {ask, at, start, yuan} from "/static/phone-page.js";

async function show() {
  const me = await ask("GET", "/v1/phone/me");
  if (!me) return;
  at("name").textContent = me.name;
  at("balance").textContent = yuan(me.balance_fen);
  at("held").textContent = yuan(me.held_fen);
  at("owed").textContent = yuan(me.owed_fen);
}

start(show);
