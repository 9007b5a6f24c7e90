/** How long a server may take to answer what loses nothing if it stays silent: the goodbye of a connection, a readiness check. */
export const goodbyeMs = 200
