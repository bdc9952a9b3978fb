// A postcard: the body of a function that answers a data URL.
const canvas = Object.assign(document.createElement('canvas'), { width: 480, height: 300 });
const pen = canvas.getContext('2d');
const fill = (style, draw) => { pen.fillStyle = style; pen.beginPath(); draw(); pen.fill(); };
const down = (top, ...colours) => {
  const gradient = pen.createLinearGradient(0, top, 0, 300);
  colours.forEach((colour, index) => gradient.addColorStop(index / (colours.length - 1), colour));
  return gradient;
};
fill(down(0, '#2b4c7e', '#f4a261', '#ffe0b5'), () => pen.rect(0, 0, 480, 300));
fill('#fff3d6', () => pen.arc(340, 150, 34, 0, 7));
const hills = (y, wave, style) => fill(style, () => {
  pen.moveTo(0, 300);
  for (let x = 0; x <= 480; x += 4) pen.lineTo(x, y + Math.sin(x / wave) * 22 + Math.sin(x / wave / 2.3) * 14);
  pen.lineTo(480, 300);
});
hills(185, 46, '#7d5a7a');
hills(220, 63, '#4f4a6b');
hills(255, 38, '#2a3350');
return canvas.toDataURL('image/png');
