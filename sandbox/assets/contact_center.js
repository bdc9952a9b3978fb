// Posts the form of an application page into its frame, as the portal does when a slider opens.
for (const form of document.querySelectorAll("form[data-autosubmit]")) {
  form.submit();
}
