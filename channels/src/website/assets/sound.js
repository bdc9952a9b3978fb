// A short tone for a new message, made here: no file. Silent unless the configuration or the visitor says otherwise.

export class Sound {
  constructor(button, kept, on) {
    Object.assign(this, { button, kept, on });
    this.draw();
  }

  toggle() {
    this.on = !this.on;
    this.kept.set('sound', this.on);
    this.draw();
    this.play();
  }

  draw() {
    this.button.setAttribute('aria-pressed', String(this.on));
  }

  play() {
    if (!this.on || !window.AudioContext) return;
    const once = (lock) => lock && new Promise((done) => { this.tone(); setTimeout(done, 500); }); // in one tab of several
    if (navigator.locks) navigator.locks.request('openline:sound', { ifAvailable: true }, once);
    else this.tone();
  }

  tone() {
    this.context ??= new AudioContext();
    if (this.context.state === 'suspended') this.context.resume().catch(() => {}); // not before the visitor has touched the page
    const [tone, volume, now] = [this.context.createOscillator(), this.context.createGain(), this.context.currentTime];
    tone.frequency.setValueAtTime(660, now);
    tone.frequency.setValueAtTime(880, now + 0.09);
    volume.gain.setValueAtTime(0.0001, now);
    volume.gain.exponentialRampToValueAtTime(0.12, now + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, now + 0.32);
    tone.connect(volume).connect(this.context.destination);
    tone.start(now);
    tone.stop(now + 0.35);
  }
}
