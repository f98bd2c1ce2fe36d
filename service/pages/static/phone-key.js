// The phone's own key: made here, kept in the browser's store, never given away; and requests that it signs.
"use strict";

const encoder = new TextEncoder();
const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const base64url = (bytes) => base64(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

export const canHoldKey = () => window.isSecureContext && Boolean(crypto.subtle) && Boolean(window.indexedDB);

function store(mode, act) {
  return new Promise((done, fail) => {
    const opening = indexedDB.open("greenlane-phone", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("own");
    opening.onerror = () => fail(opening.error);
    opening.onsuccess = () => {
      const work = opening.result.transaction("own", mode);
      const asked = act(work.objectStore("own"));
      work.oncomplete = () => { opening.result.close(); done(asked.result); };
      work.onerror = work.onabort = () => { opening.result.close(); fail(work.error); };
    };
  });
}

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

// A new key whose private half no script can read, this one included.
export async function make() {
  const keys = await crypto.subtle.generateKey({name: "ECDSA", namedCurve: "P-256"}, false, ["sign"]);
  const {x, y} = await crypto.subtle.exportKey("jwk", keys.publicKey);
  const print = await crypto.subtle.digest("SHA-256", encoder.encode(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`));
  const publicKey = base64(await crypto.subtle.exportKey("raw", keys.publicKey));
  return {keys, keyId: base64url(print), publicKey, name: ""};
}

async function sign(own, bytes) {
  return base64(await crypto.subtle.sign({name: "ECDSA", hash: "SHA-256"}, own.keys.privateKey, bytes));
}

// A text that the key signs word for word, as it is kept beside what it pays.
export async function signedText(own, words, record) {
  const text = JSON.stringify(record);
  return {text, key_id: own.keyId, signature: await sign(own, encoder.encode(words + text))};
}

// A request signed by RFC 9421, which no one else can make, change or send twice.
export async function ask(own, method, target, record, options = {}) {
  const url = new URL(target, location.href);
  const lines = [["@method", method], ["@authority", url.host], ["@path", url.pathname], ["@query", url.search || "?"]];
  const headers = {Accept: "application/json"};
  let body;
  if (record !== undefined) {
    body = encoder.encode(JSON.stringify(record));
    headers["Content-Type"] = "application/json";
    headers["Content-Digest"] = `sha-256=:${base64(await crypto.subtle.digest("SHA-256", body))}:`;
    lines.push(["content-type", headers["Content-Type"]], ["content-digest", headers["Content-Digest"]]);
  }
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(18)));
  const created = Math.floor(Date.now() / 1000);
  const names = lines.map(([name]) => `"${name}"`).join(" ");
  const parameters = `(${names});created=${created};keyid="${own.keyId}";nonce="${nonce}";alg="ecdsa-p256-sha256";tag="greenlane"`;
  const base = [...lines.map(([name, value]) => `"${name}": ${value}`), `"@signature-params": ${parameters}`].join("\n");
  headers["Signature-Input"] = `greenlane=${parameters}`;
  headers.Signature = `greenlane=:${await sign(own, encoder.encode(base))}:`;
  return fetch(url, {method, headers, body, cache: "no-store", redirect: "error", ...options});
}
