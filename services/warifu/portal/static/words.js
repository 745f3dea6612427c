// What the page should say of a record, in words: by the names that were pinned with the keys, so that a portal cannot show another name
// to one person alone. What a record says only by reference, such as why and by which law, has no words here and is not compared.

import { NAMES, OUTCOMES, SENTENCES } from "./names.js";

const JAPAN = 9 * 3600 * 1000;
const DAYS = { ja: [..."日月火水木金土"], en: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] };
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/** A moment as the pages write it, Japan time. */
export function written(milliseconds, language) {
  const local = new Date(milliseconds + JAPAN);
  const [year, month, day, weekday] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate(), local.getUTCDay()];
  const hour = local.getUTCHours();
  const minute = String(local.getUTCMinutes()).padStart(2, "0");
  if (language === "en") {
    return `${DAYS.en[weekday]} ${day} ${MONTHS[month]} ${year} ${String(hour).padStart(2, "0")}:${minute}`;
  }
  return `${year}年${month + 1}月${day}日（${DAYS.ja[weekday]}） ${hour}時${minute}分`;
}

const seconds = (milliseconds) => String(Math.floor(Number(milliseconds) / 1000));

/** Makes `expected(name, said)` for a page in `language`; without `names`, when the law book is a newer one, names are not compared. */
export function teller(language, names) {
  const known = new Map(names ? Object.entries(NAMES[language]) : []);
  const named = (code) => (names ? known.get(code) ?? code : null);
  const words = {
    requested_at: (said) => written(Number(said.requested_at), language),
    answered_at: (said) => (said.answered_at === "" ? "" : written(Number(said.answered_at), language)),
    outcome: (said) => OUTCOMES[language][said.outcome],
    sentence: (said) => {
      const [requester, provider] = [named(said.requester), named(said.provider)];
      if (requester === null) return null;
      const form = SENTENCES[language][said.outcome === "DENIED" ? "denied" : "asked"];
      return form.replace("%(requester)s", () => requester).replace("%(provider)s", () => provider);
    },
    requested_at_datetime: (said) => seconds(said.requested_at),
    answered_at_datetime: (said) => (said.answered_at === "" ? "" : seconds(said.answered_at)),
    requester_code: (said) => said.requester,
    provider_code: (said) => said.provider,
    affair_code: (said) => said.affair,
    procedure_code: (said) => said.procedure,
    item_code: (said) => said.item,
    request_id: (said) => said.request_id,
  };
  for (const name of ["requester", "provider", "affair", "procedure", "item"]) words[name] = (said) => named(said[name]);
  return (name, said) => (name in words ? words[name](said) : null);
}
