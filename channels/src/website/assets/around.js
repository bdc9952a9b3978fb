// What is around the chat. On its own page: nothing. In a frame on another page: frame.js fills this in.

export const around = {
  session: null, // where the session is kept when cookies don't come here, see bearer.js
  page: null, // {url, referrer, title, data} of the page around the frame
  shown: () => {}, // gets the server's items whenever they are drawn
};
