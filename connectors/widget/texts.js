// The page's own words, in both languages. What the library says comes from the server.

export const TEXTS = {
  vi: {
    assistant: 'trợ lý tự động',
    otherLanguage: 'EN',
    otherLanguageName: 'EN, English',
    skip: 'Đến ô nhập tin nhắn',
    menu: 'Thêm lựa chọn',
    conversation: 'Cuộc trò chuyện với thư viện',
    suggestions: 'Gợi ý để bắt đầu',
    greeting:
      'Chào bạn, mình là trợ lý tự động của thư viện. Bạn cần tìm sách, xem giờ mở cửa hay gia hạn? Muốn gặp người, bạn gõ “gặp thủ thư” bất cứ lúc nào nhé.',
    quick: ['Giờ mở cửa', 'Tìm sách', 'Gia hạn', 'Gặp thủ thư'],
    library: 'Thư viện:',
    you: 'Bạn:',
    typing: 'Thư viện đang trả lời…',
    write: 'Tin nhắn của bạn',
    placeholder: 'Hỏi thư viện…',
    send: 'Gửi',
    again: 'Gửi lại',
    queued: 'Chưa có mạng. Mình giữ lại và tự gửi khi nối được.',
    busy: 'Đang có nhiều người hỏi quá. Lát nữa mình tự gửi lại.',
    failed: 'Tin này chưa gửi được.',
    offline: 'Đang mất kết nối. Bạn cứ gõ, mình gửi sau.',
    renewed: 'Cuộc trò chuyện trước đã khép lại nên mình mở cuộc mới. Bạn cứ hỏi tiếp nhé.',
    used: 'đã chọn',
    newTab: 'mở trang mới',
    results: (count) => `Có ${count} kết quả.`,
    choices: (titles) => `Có nút để chọn: ${titles}.`,
    latest: '↓ Tin mới',
    roomLeft: (count) => `Còn ${count} ký tự`,
    tooLong: (count) => `Dài quá ${count} ký tự. Bạn rút gọn hoặc gửi làm hai tin nhé.`,
    privacy: 'Đừng gửi mật khẩu hay số thẻ vào đây.',
    demo: 'Bản trình diễn: sách, giờ và phí chỉ để minh hoạ.',
    print: 'In thẻ sách cuối cùng',
    printThis: 'In',
    forget: 'Xoá cuộc trò chuyện này khỏi máy',
    forgetTitle: 'Xoá khỏi máy này?',
    forgetWhy:
      'Người dùng máy sau bạn sẽ không đọc được cuộc trò chuyện này. Muốn thư viện cũng xoá, bạn nhắn “xoá dữ liệu của tôi” trước.',
    forgetNow: 'Xoá',
    keep: 'Giữ lại',
  },
  en: {
    assistant: 'automatic assistant',
    otherLanguage: 'VI',
    otherLanguageName: 'VI, Tiếng Việt',
    skip: 'Go to the message box',
    menu: 'More options',
    conversation: 'Conversation with the library',
    suggestions: 'Ways to begin',
    greeting:
      'Hello, I am the library’s automatic assistant. Looking for a book, opening hours or a renewal? If you would rather talk to a person, type “talk to a librarian” at any time.',
    quick: ['Opening hours', 'Find a book', 'Renew', 'Talk to a librarian'],
    library: 'Library:',
    you: 'You:',
    typing: 'The library is answering…',
    write: 'Your message',
    placeholder: 'Ask the library…',
    send: 'Send',
    again: 'Send again',
    queued: 'No connection yet. I keep this and send it when we are back.',
    busy: 'Many people are asking just now. I will send this again in a while.',
    failed: 'This message could not be sent.',
    offline: 'No connection. Keep typing, I will send it later.',
    renewed: 'The conversation before this one was closed, so I opened a new one. Please carry on.',
    used: 'chosen',
    newTab: 'opens a new page',
    results: (count) => (count === 1 ? 'There is 1 result.' : `There are ${count} results.`),
    choices: (titles) => `There are buttons to choose from: ${titles}.`,
    latest: '↓ New message',
    roomLeft: (count) => `${count} characters left`,
    tooLong: (count) => `${count} characters too long. Please shorten it or send it as two messages.`,
    privacy: 'Please do not send passwords or card numbers here.',
    demo: 'Demonstration: books, hours and fees are only illustrative.',
    print: 'Print the last book card',
    printThis: 'Print',
    forget: 'Delete this conversation from this device',
    forgetTitle: 'Delete from this device?',
    forgetWhy:
      'Whoever uses this device after you will not be able to read this conversation. If the library should delete it too, first send “delete my data”.',
    forgetNow: 'Delete',
    keep: 'Keep',
  },
};

let language = 'vi';

export function speak(wanted) {
  language = wanted in TEXTS ? wanted : 'vi';
}

export function spoken() {
  return language;
}

export function text(key, ...values) {
  const entry = TEXTS[language][key];
  return typeof entry === 'function' ? entry(...values) : entry;
}

/** Put the words of the language into every marked element of `root`, itself included. */
export function label(root) {
  const marks = {
    text: (element, words) => { element.textContent = words; },
    label: (element, words) => element.setAttribute('aria-label', words),
    placeholder: (element, words) => element.setAttribute('placeholder', words),
  };
  for (const [mark, put] of Object.entries(marks)) {
    const selector = `[data-${mark}]`;
    const marked = [...root.querySelectorAll(selector), ...(root.matches?.(selector) ? [root] : [])];
    for (const element of marked) put(element, text(element.dataset[mark]));
  }
}
