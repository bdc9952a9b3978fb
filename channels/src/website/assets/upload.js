// Posting files: by XMLHttpRequest, since fetch does not tell how far it is.

const STALL = 30000; // without any progress for that long the connection is lost

/** Posts a message with files; `progress` gets how much has left, from 0 to 1. */
export function upload(url, { key, text, name, profile, about }, files, { signal, progress, headers = {}, ApiError }) {
  const form = new FormData();
  for (const [field, value] of Object.entries({ key, text, name })) if (value !== undefined) form.append(field, value);
  for (const [field, value] of Object.entries({ profile, about })) if (value) form.append(field, JSON.stringify(value));
  for (const file of files) form.append('files', file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer;
    const expect = () => { clearTimeout(timer); timer = setTimeout(() => request.abort(), STALL); };
    request.open('POST', url);
    request.responseType = 'json';
    for (const [header, value] of Object.entries({ Accept: 'application/json', ...headers })) request.setRequestHeader(header, value);
    request.upload.onprogress = ({ loaded, total }) => { expect(); progress(loaded / (total || 1)); };
    request.onload = () => settle(request, resolve, reject, ApiError);
    request.onerror = () => reject(new ApiError(0));
    request.onabort = request.onerror;
    request.onloadend = () => clearTimeout(timer);
    signal.addEventListener('abort', () => request.abort());
    expect();
    request.send(form);
  });
}

function settle(request, resolve, reject, ApiError) {
  const { status, response } = request;
  if (status < 300 && response) return resolve(response);
  const after = Math.min(Number(request.getResponseHeader('Retry-After')) || 0, 60);
  const error = new ApiError(status < 300 ? 0 : status, response?.error?.code ?? 'unknown', after);
  reject(Object.assign(error, { fields: response?.error?.fields ?? {} }));
}
