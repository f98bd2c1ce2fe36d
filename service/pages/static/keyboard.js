// A keyboard on the screen for forms[data-keyboard]: a panel at a pump has no other one.
"use strict";
(() => {
  const form = document.querySelector("form[data-keyboard]");
  if (!form) return;
  const PAGES = {
    small: ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm.-"],
    capital: ["1234567890", "QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM_@"],
    marks: ["!@#$%^&*()", "-_=+[]{}\\|", ";:'\",.<>/?", "`~€£¥°§"],
  };
  const fields = [...form.querySelectorAll("input:not([type=hidden])")];
  const board = document.createElement("div");
  let page = "small", current = document.activeElement;
  board.className = "screen-keyboard";
  board.setAttribute("role", "group");
  board.setAttribute("aria-label", "键盘 Keyboard");

  function key(text, label, act, wide) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    if (label) button.setAttribute("aria-label", label);
    if (wide) button.className = "wide";
    button.addEventListener("click", act);
    return button;
  }

  function write(change) {
    const field = fields.includes(current) ? current : fields[0];
    field.focus();
    field.value = change(field.value).slice(0, field.maxLength);
  }

  function draw() {
    const rows = PAGES[page].map((row) => [...row].map((c) => key(c, "", () => write((text) => text + c))));
    const turn = (name) => () => { page = page === name ? "small" : name; draw(); };
    rows.push([
      key("⇧", "大写 Capitals", turn("capital"), true),
      key("#+=", "符号 Signs", turn("marks"), true),
      key("␣", "空格 Space", () => write((text) => text + " "), true),
      key("⌫", "退格 Backspace", () => write((text) => text.slice(0, -1)), true),
    ]);
    board.replaceChildren(...rows.map((keys) => {
      const row = document.createElement("div");
      row.append(...keys);
      return row;
    }));
  }

  for (const field of fields) {
    field.inputMode = "none";
    field.addEventListener("focus", () => { current = field; });
  }
  draw();
  document.body.classList.add("has-keyboard");
  document.body.append(board);
})();
