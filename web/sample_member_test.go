package web_test

import (
	"strings"
	"time"

	"seyfert/web"
)

func sampleDoors() *web.Doors {
	return &web.Doors{Action: "/in", Begin: "/in/begin", SignUp: "/up", Recover: "/recover"}
}

func sampleRecover(begin string) web.View {
	return &web.Recover{
		Frame: walletFrame(), Action: "/recover", Begin: begin, SignIn: "/in", Wrong: true,
	}
}

func sampleCodes() web.View {
	v := &web.Codes{Frame: walletFrame()}
	for _, letter := range strings.Split("abcdefgh", "") {
		v.Codes = append(v.Codes, strings.Repeat(strings.Repeat(letter, 4)+"-", 5)+"0000")
	}
	v.Security = "/wallet/security"
	return v
}

func sampleSecurity(recent bool) web.View {
	v := &web.Security{
		Frame: walletFrame(), Action: "/wallet/security", Doors: sampleDoors(), Recent: recent,
		Codes: 7, Passkeys: []web.PasskeyLine{
			{ID: "k1", Number: 1, Created: at(9, 0, 0, 0), Used: at(12, 0, 0, 0), Backup: true},
			{ID: "k2", Number: 3, Created: at(10, 0, 0, 0)},
		},
		Sessions: []web.SessionLine{
			{ID: "s1", How: "passkey", Created: at(12, 0, 0, 0), Own: true},
			{ID: "s2", How: "code", Created: at(8, 0, 0, 0)},
		},
	}
	for i := range v.Sessions {
		v.Sessions[i].Expires = v.Sessions[i].Created.Add(12 * time.Hour)
	}
	return v
}
