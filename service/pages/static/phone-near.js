// Says not to operate the phone beside a dispenser. Where the phone is, only the phone knows: nothing of it is sent.
"use strict";
import {ask, at, press, quiet, say} from "/static/phone-page.js";

const EARTH_M = 6371008.8;
const VAGUE_M = 500; // a reading that may be so far off says nothing

function metres(lat, lon, otherLat, otherLon) {
  const rad = Math.PI / 180, half = (from, to) => Math.sin((to - from) * rad / 2) ** 2;
  const arc = half(lat, otherLat) + Math.cos(lat * rad) * Math.cos(otherLat * rad) * half(lon, otherLon);
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(arc)));
}

// Within near_m of a station, by satellites' coordinates or by the map's, whichever this phone's browser gives.
export function isNear({latitude, longitude, accuracy}, {near_m, spots}) {
  if (accuracy > VAGUE_M) return false;
  return spots.some((spot) => metres(latitude, longitude, spot.lat, spot.lon) <= near_m
    || metres(latitude, longitude, spot.map_lat, spot.map_lon) <= near_m);
}

async function watch() {
  const known = await ask("GET", "/v1/phone/spots");
  if (!known?.spots.length) return;
  navigator.geolocation.watchPosition(
    ({coords}) => {
      at("near").hidden = !isNear(coords, known);
      at("near").dataset.is = at("near").hidden ? "far" : "near";
    },
    () => { at("near").hidden = true; },
    {enableHighAccuracy: true, maximumAge: 30000},
  );
}

// Watches where the browser allows it already; elsewhere the first page offers to ask for it.
export async function warnNearStations() {
  if (!navigator.geolocation || !navigator.permissions) return;
  const allowed = await navigator.permissions.query({name: "geolocation"}).catch(() => null);
  if (allowed?.state === "granted") { await watch(); return; }
  const offer = at("near-offer");
  if (!offer || allowed?.state !== "prompt") return;
  offer.hidden = false;
  press(at("near-on"), () => new Promise((done) => {
    quiet();
    navigator.geolocation.getCurrentPosition(
      async () => { offer.hidden = true; await watch(); done(); },
      () => { say("near-denied"); done(); },
      {timeout: 20000},
    );
  }));
}
