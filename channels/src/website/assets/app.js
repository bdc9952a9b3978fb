// Where the page begins. All modules that are named in imports go out as one file, see assets.rs.

import { Chat } from './chat.js';
import { Frame } from './frame.js';

const config = JSON.parse(document.body.dataset.config);

/** A page whose script does not run works as one without: by forms on its own page, by a link in a frame. */
function failed(error) {
  console.error(error);
  document.documentElement.classList.remove('js');
  if (config.frame) return window.openlineEarly.broken();
  const composer = document.getElementById('composer');
  const bare = composer.cloneNode(true); // without the script's listeners
  bare.noValidate = false;
  composer.replaceWith(bare);
}

async function begin() {
  if (config.frame) await new Frame(config).start();
  else await new Chat(config).start();
}

begin().catch(failed);
