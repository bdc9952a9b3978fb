// Parts that most visitors never need: fetched when they are wanted, and asked for anew when they did not come.

let failures = 0;

export async function lazy(name) {
  const { search } = new URL(import.meta.url);
  try {
    return await import(`./${name}?${search.slice(1).split('&')[0]}${failures ? `&again=${failures}` : ''}`);
  } catch (error) {
    failures += 1; // a browser does not ask for the same address again
    throw error;
  }
}
