// A key of this browser's own: made here, kept in its store, never given away; and requests that it signs.
"use strict";

export const encoder = new TextEncoder();
export const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
export const base64url = (bytes) => base64(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

export const canHoldKey = () => window.isSecureContext && Boolean(crypto.subtle) && Boolean(window.indexedDB);

// How to sign, and its name in RFC 9421, by the kind of key.
const SCHEMES = {
  ECDSA: {name: "ecdsa-p256-sha256", how: {name: "ECDSA", hash: "SHA-256"}},
  Ed25519: {name: "ed25519", how: {name: "Ed25519"}},
};
const schemeOf = (own) => SCHEMES[own.keys.privateKey.algorithm.name];

// The browser's store of that name; act() gets its one table.
export const keyStore = (name) => (mode, act) => new Promise((done, fail) => {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("own");
  opening.onerror = () => fail(opening.error);
  opening.onsuccess = () => {
    const work = opening.result.transaction("own", mode);
    const asked = act(work.objectStore("own"));
    work.oncomplete = () => { opening.result.close(); done(asked.result); };
    work.onerror = work.onabort = () => { opening.result.close(); fail(work.error); };
  };
});

// A new key whose private half no script can read, this one included. print: the words of its thumbprint (RFC 7638).
export async function make(algorithm, print) {
  const keys = await crypto.subtle.generateKey(algorithm, false, ["sign"]);
  const words = print(await crypto.subtle.exportKey("jwk", keys.publicKey));
  const publicKey = base64(await crypto.subtle.exportKey("raw", keys.publicKey));
  return {keys, keyId: base64url(await crypto.subtle.digest("SHA-256", encoder.encode(words))), publicKey};
}

export async function sign(own, bytes) {
  return base64(await crypto.subtle.sign(schemeOf(own).how, own.keys.privateKey, bytes));
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
  const parameters = `(${names});created=${created};keyid="${own.keyId}";nonce="${nonce}";alg="${schemeOf(own).name}";tag="greenlane"`;
  const base = [...lines.map(([name, value]) => `"${name}": ${value}`), `"@signature-params": ${parameters}`].join("\n");
  headers["Signature-Input"] = `greenlane=${parameters}`;
  headers.Signature = `greenlane=:${await sign(own, encoder.encode(base))}:`;
  return fetch(url, {method, headers, body, cache: "no-store", redirect: "error", ...options});
}
