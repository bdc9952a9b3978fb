// What is around the chat. On its own page: nothing. In a frame on another page: frame.js fills this in.

export const around = {
  session: null, // where the session is kept when cookies don't come here, see bearer.js
  visitor: null, // who the page around says is there: {name, email, phone}; not signed
  page: null, // {url, referrer, title, data} of the page around the frame
  shown: () => {}, // gets the server's items whenever they are drawn
  event: () => {}, // (name, details): what the page around may know of
};
