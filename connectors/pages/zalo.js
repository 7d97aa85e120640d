// What Zalo's widget calls in the browser. It proves nothing: the card is handed over by Zalo's signed webhook alone.
window.zaloAnswered = () => {
  document.getElementById("answered").hidden = false;
};
