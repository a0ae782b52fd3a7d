package web

// catalogue finds a message by its key. The tables are constant; each stands beside the pages
// that use it. A test holds them to the templates: no key is missing, none is idle.
func catalogue(key string) (message, bool) {
	for _, table := range []map[string]message{frameWords, walletWords, memberWords, shopWords, worldWords} {
		if m, ok := table[key]; ok {
			return m, true
		}
	}
	return message{}, false
}

// frameWords are the words around and between the pages.
var frameWords = map[string]message{
	"frame.skip":        {"Skip to content", "본문으로 건너뛰기"},
	"frame.demo":        {"Demo chain", "데모 체인"},
	"frame.demo.short":  {"Demo", "데모"},
	"frame.demo.title":  {"Proofs on this chain prove nothing outside the sandbox", "이 체인의 증명은 샌드박스 밖에서 효력이 없습니다"},
	"frame.signout":     {"Sign out", "로그아웃"},
	"frame.other":       {"한국어", "English"},
	"frame.other.lang":  {"ko", "en"},
	"frame.other.label": {"한국어로 보기", "Show in English"},
	"frame.theme":       {"Switch light and dark", "밝기 바꾸기"},
	"frame.zone":        {"Times are {0}.", "시각은 {0} 기준입니다."},
	"frame.security":    {"Passkeys and sessions", "패스키와 로그인 기기"},
	"frame.sandbox":     {"To the sandbox’s first page", "샌드박스 첫 화면으로"},
	"frame.copied":      {"Copied", "복사했습니다"},
	"frame.copy.failed": {"Not copied: this browser does not allow it", "복사하지 못했습니다. 브라우저가 허용하지 않습니다"},

	"timer.left": {"left to approve", "남은 승인 시간"},
	"timer.say":  {"{0} seconds left", "{0}초 남았습니다"},

	"status.paid":     {"Paid", "결제 완료"},
	"status.held":     {"Held", "예치 중"},
	"status.sending":  {"Sending", "전송 중"},
	"status.claimed":  {"Claimed", "청구됨"},
	"status.waiting":  {"Waiting", "대기"},
	"status.refunded": {"Refunded", "환불"},
	"status.expired":  {"Expired", "만료"},
	"status.declined": {"Declined", "거절"},
	"status.received": {"Received", "입금 완료"},
	"status.healthy":  {"Healthy", "정상"},
	"status.paying":   {"Paying", "결제 중"},
	"status.stopped":  {"Stopped", "중지됨"},

	"proof.journal":           {"In journal", "저널 기록"},
	"proof.checkpointed":      {"Checkpointed", "체크포인트"},
	"proof.anchored":          {"Anchored", "앵커됨"},
	"proof.confirmations":     {"{0} confirmations", "확인 {0}회"},
	"proof.confirmations.one": {"1 confirmation", "확인 1회"},

	"currency.KRW": {"Korean won", "원화"},
	"currency.JPY": {"Japanese yen", "엔화"},
	"currency.USD": {"US dollars", "미국 달러"},
	"currency.BTC": {"Bitcoin", "비트코인"},

	"problem.request":          {"Request", "요청 번호"},
	"problem.back":             {"Go back", "돌아가기"},
	"problem.missing":          {"There is nothing here", "찾는 것이 없습니다"},
	"problem.missing.text":     {"The address may be mistyped, or it belongs to someone else. No money has moved.", "주소가 잘못되었거나 다른 사람의 것입니다. 돈은 움직이지 않았습니다."},
	"problem.refused":          {"That cannot be done now", "지금은 할 수 없습니다"},
	"problem.refused.text":     {"The node refused it. Nothing was paid; what you had before is unchanged.", "노드가 거절했습니다. 결제된 금액은 없으며 이전 상태 그대로입니다."},
	"problem.unavailable":      {"The node does not answer", "노드가 응답하지 않습니다"},
	"problem.unavailable.text": {"What you asked for may not have been done. Look at your history before you try again; the same payment is never made twice.", "요청이 처리되지 않았을 수 있습니다. 다시 시도하기 전에 거래 내역을 확인해 주세요. 같은 결제는 두 번 되지 않습니다."},
	"problem.fault":            {"Something went wrong on our side", "저희 쪽 오류입니다"},
	"problem.fault.text":       {"If money was held, your node gives it back unless the payment is made. Tell the operator the number below.", "예치된 돈이 있다면 결제가 되지 않는 한 노드가 돌려놓습니다. 아래 번호를 운영자에게 알려 주세요."},
	"problem.signin":           {"Sign in first", "먼저 로그인해 주세요"},
	"problem.signin.text":      {"Your session has ended. Nothing was approved.", "세션이 끝났습니다. 승인된 것은 없습니다."},
	"problem.invalid":          {"The request cannot be read", "요청을 읽을 수 없습니다"},
	"problem.invalid.text":     {"Nothing was done with it. Go back and try again.", "처리된 것은 없습니다. 돌아가서 다시 시도해 주세요."},
	"problem.foreign":          {"This came from another site", "다른 사이트에서 온 요청입니다"},
	"problem.foreign.text":     {"Forms of your wallet work from your wallet only. Nothing was done.", "지갑의 요청은 지갑 화면에서만 할 수 있습니다. 처리된 것은 없습니다."},
	"problem.offer":            {"There is no such offer", "결제 요청을 찾을 수 없습니다"},
	"problem.offer.text":       {"The link may be cut off, or the offer was changed on its way. Nothing was approved. Go back to the shop and try again.", "링크가 잘렸거나 결제 요청이 도중에 바뀌었습니다. 승인된 것은 없습니다. 상점으로 돌아가서 다시 시도해 주세요."},
	"problem.unsigned":         {"This offer cannot be trusted", "믿을 수 없는 결제 요청입니다"},
	"problem.unsigned.text":    {"It is not signed by a node that yours trades with. Nothing was approved.", "거래하는 노드의 서명이 없습니다. 승인된 것은 없습니다."},
	"problem.unreachable":      {"The shop’s node does not answer", "상점의 노드가 응답하지 않습니다"},
	"problem.unreachable.text": {"The offer could not be read. Nothing was approved. Try again in a moment.", "결제 요청을 읽지 못했습니다. 승인된 것은 없습니다. 잠시 뒤에 다시 시도해 주세요."},
	"problem.expired":          {"This offer has expired", "결제 요청이 만료되었습니다"},
	"problem.expired.text":     {"Nothing was approved and nothing is held. Ask the shop for a new offer.", "승인되거나 예치된 것은 없습니다. 상점에 새 결제 요청을 받아 주세요."},
	"problem.ordered":          {"This offer was approved already", "이미 승인된 결제 요청입니다"},
	"problem.ordered.text":     {"An offer can be approved once. Nothing was approved now, and nothing is held for it in your wallet.", "결제 요청은 한 번만 승인할 수 있습니다. 지금 승인된 것은 없으며 지갑에 예치된 것도 없습니다."},
	"problem.lastkey":          {"This is your only passkey", "마지막 패스키입니다"},
	"problem.lastkey.text":     {"Make recovery codes or another passkey first. Nothing was removed.", "먼저 복구 코드나 다른 패스키를 만들어 주세요. 삭제된 것은 없습니다."},
	"problem.unproven":         {"There is no proof to download yet", "아직 내려받을 증명이 없습니다"},
	"problem.unproven.text":    {"The proof bundle is made once the day is closed and its anchor is in a block. The payment itself is not affected.", "증명 묶음은 하루가 마감되고 앵커가 블록에 들어간 뒤에 만들어집니다. 결제 자체에는 영향이 없습니다."},
	"problem.toomany":          {"Too many requests", "요청이 너무 많습니다"},
	"problem.toomany.text":     {"Nothing was done with this one. Wait a moment and try again.", "이 요청은 처리되지 않았습니다. 잠시 뒤에 다시 시도해 주세요."},
}
