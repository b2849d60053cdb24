package sw_test

import "testing"

func TestInstall(t *testing.T) {
	t.Run("a first visit installs, and the app comes up with the server stopped", func(t *testing.T) {
		s := newSite(t, "CACHE MANIFEST\nappcache.js\na.txt "+integrity("one")+"\nb.txt\n")
		s.put("/a.txt", "one")
		s.put("/b.txt", "two")
		v := s.visit(t, "/")
		v.expect("checking", "downloading", "progress 0/3", "progress 1/3", "progress 2/3", "progress 3/3", "cached")
		want(t, v.js("return applicationCache.status"), "1")
		want(t, v.js("return applicationCache.ready"), "true")
		s.stop()
		v.reload()
		want(t, v.get("/a.txt"), "200 one")
		want(t, v.get("/b.txt"), "200 two")
		v.expect("checking", "error manifest /cache.manifest 0")
		want(t, v.js("return applicationCache.status"), "1")
		s.start()
		v.js("applicationCache.update()")
		v.expect("checking", "noupdate")
	})
}
