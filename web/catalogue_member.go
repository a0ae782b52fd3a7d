package web

// memberWords are the words of signing up, passkeys, recovery codes and sessions.
var memberWords = map[string]message{
	"passkey.cancelled":   {"No passkey was used. Nothing has changed.", "패스키를 사용하지 않았습니다. 바뀐 것은 없습니다."},
	"passkey.known":       {"This device holds one of your passkeys already.", "이 기기에는 이미 패스키가 있습니다."},
	"passkey.failed":      {"The passkey could not be used. Nothing has changed. Try again in a moment.", "패스키를 사용하지 못했습니다. 바뀐 것은 없습니다. 잠시 뒤에 다시 시도해 주세요."},
	"passkey.unsupported": {"This browser is too old for passkeys.", "이 브라우저는 패스키를 지원하지 않습니다."},
	"passkey.script":      {"Passkeys need JavaScript.", "패스키를 쓰려면 자바스크립트가 필요합니다."},
	"passkey.wrong":       {"The passkey was not accepted. Nothing has changed. Try again.", "패스키를 확인하지 못했습니다. 바뀐 것은 없습니다. 다시 시도해 주세요."},

	"signin.passkey": {"Sign in with a passkey", "패스키로 로그인"},

	"signup.name":  {"Make a wallet", "지갑 만들기"},
	"signup.title": {"A wallet at {0}", "{0}에 지갑 만들기"},
	"signup.text":  {"Your device makes a passkey. There is no password.", "기기에 패스키를 만듭니다. 비밀번호는 없습니다."},
	"signup.label": {"Your name", "이름"},
	"signup.do":    {"Make a passkey", "패스키 만들기"},
	"signup.note":  {"Only you and your node see your name. Shops do not.", "이름은 본인과 노드만 볼 수 있습니다. 상점은 볼 수 없습니다."},
	"signup.have":  {"I have a wallet here", "이미 지갑이 있습니다"},

	"recover.name":    {"Use a recovery code", "복구 코드 사용"},
	"recover.text":    {"A code works once. It lets you make a new passkey, and nothing else.", "코드는 한 번만 쓸 수 있습니다. 새 패스키를 만드는 데만 쓰입니다."},
	"recover.label":   {"Recovery code", "복구 코드"},
	"recover.do":      {"Go on", "계속"},
	"recover.refused": {"This code is not valid, or it was used.", "유효하지 않거나 이미 사용한 코드입니다."},
	"recover.make":    {"Make a new passkey", "새 패스키 만들기"},
	"recover.made":    {"The code is spent. Make the passkey within 15 minutes, then sign in with it.", "코드를 사용했습니다. 15분 안에 패스키를 만든 뒤 그 패스키로 로그인해 주세요."},

	"codes.name": {"Recovery codes", "복구 코드"},
	"codes.text": {"Keep them where you find them without this device. They are shown this once, and earlier codes no longer work.", "이 기기가 없어도 찾을 수 있는 곳에 보관해 주세요. 지금 한 번만 표시되며 이전 코드는 쓸 수 없습니다."},
	"codes.copy": {"Copy all codes", "모든 코드 복사"},
	"codes.kept": {"I have kept them", "보관했습니다"},

	"security.text":         {"What signs you in, and where you are signed in.", "로그인 수단과 로그인된 기기를 관리합니다."},
	"security.confirm":      {"Confirm with a passkey", "패스키로 확인"},
	"security.confirm.text": {"To change passkeys or codes, confirm that it is you.", "패스키나 복구 코드를 바꾸려면 먼저 본인 확인이 필요합니다."},
	"security.passkeys":     {"Passkeys", "패스키"},
	"security.passkey":      {"Passkey {0}", "패스키 {0}"},
	"security.made":         {"Made {0}", "{0} 생성"},
	"security.used":         {"used {0}", "{0} 사용"},
	"security.synced":       {"Can be on several of your devices", "여러 기기에서 사용 가능"},
	"security.bound":        {"On one device", "한 기기에서만 사용"},
	"security.none":         {"You have no passkey yet. You signed in with a one-time code.", "아직 패스키가 없습니다. 일회용 코드로 로그인했습니다."},
	"security.plain":        {"Browsers make no passkeys at this address.", "이 주소에서는 패스키를 만들 수 없습니다."},
	"security.add":          {"Make a passkey", "패스키 만들기"},
	"security.remove":       {"Remove", "삭제"},
	"security.remove.label": {"Remove passkey {0}", "패스키 {0} 삭제"},
	"security.codes":        {"{0} codes can be used.", "사용할 수 있는 코드 {0}개."},
	"security.codes.one":    {"1 code can be used.", "사용할 수 있는 코드 1개."},
	"security.codes.make":   {"Make recovery codes", "복구 코드 만들기"},
	"security.codes.again":  {"Make new codes", "새 코드 만들기"},
	"security.sessions":     {"Where you are signed in", "로그인된 곳"},
	"security.here":         {"This browser", "이 브라우저"},
	"security.elsewhere":    {"Another browser", "다른 브라우저"},
	"security.since":        {"Since {0}", "{0}부터"},
	"security.until":        {"Ends {0}", "{0}까지"},
	"security.others":       {"Sign out everywhere else", "다른 곳에서 모두 로그아웃"},

	"how.passkey": {"with a passkey", "패스키"},
	"how.code":    {"with a one-time code", "일회용 코드"},

	"advice.passkey": {"You approve payments with a passkey once you have one.", "패스키를 만들면 패스키로 결제를 승인합니다."},
	"advice.codes":   {"You have no recovery codes. Without them, losing your passkey locks you out.", "복구 코드가 없습니다. 패스키를 잃으면 로그인할 수 없습니다."},

	"approve.passkey": {"Approve with passkey", "패스키로 승인"},
	"approve.make":    {"Payments here are approved with a passkey. Make one first.", "이곳의 결제는 패스키로 승인합니다. 먼저 패스키를 만들어 주세요."},
}
