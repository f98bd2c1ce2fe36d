// The panel's own key (own-key.js): Ed25519, as every device's.
"use strict";
import {keyStore, make as makeKey} from "/static/own-key.js";
export {ask, canHoldKey} from "/static/own-key.js";

const store = keyStore("greenlane-panel");

export const load = () => store("readonly", (own) => own.get("key"));
export const keep = (own) => store("readwrite", (kept) => { kept.clear(); return kept.put(own, "key"); });
export const loadNext = () => store("readonly", (own) => own.get("next"));
export const keepNext = (next) => store("readwrite", (kept) => kept.put(next, "next"));
export const forget = () => store("readwrite", (kept) => kept.clear());

export const make = () => makeKey({name: "Ed25519"}, ({x}) => `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`);
