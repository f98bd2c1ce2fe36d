// A panel that has a key needs nobody to log in: back to its entrance.
"use strict";
import {canHoldKey, load} from "/static/panel-key.js";

if (canHoldKey() && await load()) location.replace("/panel");
