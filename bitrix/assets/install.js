// Tells the portal that the installation is finished: until then it sends no events (the vendor's own script is loaded
// before this one).
if (window.BX24) {
  window.BX24.init(() => window.BX24.installFinish());
}
