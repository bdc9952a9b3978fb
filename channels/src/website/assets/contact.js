// Ways to reach somebody, as the server takes them: before.rs has the same rules, and a test compares the two.

const WORD = "[\\w!#$%&'*+\\-/=?^{|}~]+";
const EMAIL = new RegExp(`^(?=.{1,64}@)${WORD}(?:\\.${WORD})*@(?:[a-z\\d](?:[a-z\\d-]{0,61}[a-z\\d])?\\.)+(?=[\\d-]*[a-z])[a-z\\d][a-z\\d-]{0,18}[a-z\\d]$`, 'i');
const PHONE = /^[\u200e\u200f( ]*\+?[\d\s\-./()\u2011\u2013\u200e\u200f]*$/;

export const isEmail = (text) => text.length <= 254 && EMAIL.test(text);
export const isPhone = (text) => PHONE.test(text) && /^(?:\D*\d){5,15}\D*$/.test(text);

/** What stands in a field, without what no keyboard makes. */
export const typed = ({ value, type }) => value.replace(type === 'textarea' ? /[^\P{Cc}\n\t]|\ufeff/gu : /\p{Cc}|\ufeff/gu, '').trim();
