// The phone's own key (own-key.js), what is kept beside it, and texts that it signs word for word.
"use strict";
import {encoder, keyStore, make as makeKey, sign} from "/static/own-key.js";
export {ask, canHoldKey} from "/static/own-key.js";

const store = keyStore("greenlane-phone");

// What is kept: {keys, keyId, publicKey, name}; undefined where no key is paired.
export const load = () => store("readonly", (own) => own.get("key"));
// All or nothing: what stood there of another person goes with it.
export const keep = (own) => store("readwrite", (kept) => { kept.clear(); return kept.put(own, "key"); });

// A key that is about to be paired; the one before it stays until the service has taken the new one.
export const loadNext = () => store("readonly", (own) => own.get("next"));
export const keepNext = (next) => store("readwrite", (kept) => kept.put(next, "next"));
export const forget = () => store("readwrite", (kept) => kept.clear());

// What was seen last, for when there is no line; gone with the key.
export const lastSeen = (target) => store("readonly", (own) => own.get(`seen ${target}`));
export const keepSeen = (target, record) => store("readwrite", (kept) => kept.put(record, `seen ${target}`));

export const make = async () => ({
  ...await makeKey({name: "ECDSA", namedCurve: "P-256"}, ({x, y}) => `{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`),
  name: "",
});

// A text that the key signs word for word, as it is kept beside what it pays.
export async function signedText(own, words, record) {
  const text = JSON.stringify(record);
  return {text, key_id: own.keyId, signature: await sign(own, encoder.encode(words + text))};
}
